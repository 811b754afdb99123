"""Geometric sketching: a small sample of cells that covers the whole shape of the data, rare types included.

Stands in for the package geosketch: ``from cellweave.geosketch import gs, uniform``.

Hie, Cho, DeMeo, Bryson and Berger, Cell Systems 2019.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _arrays, _checks
from ._compat import warn
from ._core import engine
from .settings import settings

__all__ = ["gs", "gs_gap", "uniform"]

Seed = int | np.random.RandomState | None


def gs(
    X: Any,
    N: int,
    k: int | str = "auto",
    seed: Seed = None,
    replace: bool = False,
    alpha: float = 0.1,
    max_iter: int = 200,
    one_indexed: bool = False,
    verbose: bool | int = 0,
) -> list[int]:
    """Draw a geometric sketch: cover the cells with boxes of equal size, then draw box by box.

    Dense and sparse regions of the data get about the same say, so rare cell types survive.

    Parity: exact. The indices are those of geosketch 1.3 with the same ``seed`` (same box lengths, same order of boxes,
    same random numbers). Unlike there, a seed leaves numpy's global random state alone.

    Parameters
    ----------
    X
        Cells x features, dense and low-dimensional (a PCA, say); float32 or float64 (other numbers are converted).
    N
        Cells to draw.
    k
        Covering boxes to aim at. ``'auto'``: ``N``, or the square root of the number of cells when ``replace``.
    seed
        An int gives the same sketch every time. A ``numpy.random.RandomState`` is advanced by exactly the numbers that
        are used, and so is numpy's global one, from which ``None`` draws as there.
    replace
        Whether a cell may be drawn more than once.
    alpha
        The box size is good when the number of boxes is within ``k * (1 - alpha)`` and ``k * (1 + alpha)``.
    max_iter
        Box sizes to try at most.
    one_indexed
        Count cells from 1, as R does.
    verbose
        Print the box sizes that were tried.

    Returns
    -------
    The drawn cells, sorted.

    Raises
    ------
    TypeError
        If ``X`` is sparse or not numeric, or ``N`` is not a whole number.
    ValueError
        If ``X`` is not two-dimensional, empty or holds NaN or infinity; if ``N`` is below 1, or above the number of
        cells without ``replace``; if ``k`` is below 1.
    """
    points = _checked_points(X)
    n_cells = points.shape[0]
    _check_size(N, n_cells, replace)
    n_boxes = _checked_boxes(k, N, n_cells, replace)
    max_iter = _checks.whole(max_iter, "max_iter", at_least=0)
    if not alpha >= 0:
        raise ValueError(f"alpha must be at least 0, found {alpha!r}.")
    if max_iter < 1:
        raise ValueError(f"max_iter must be at least 1, found {max_iter}.")
    first = int(bool(one_indexed))
    if not replace and n_cells == N:
        return list(range(first, N + first))

    words = _Words(seed)
    grid = engine.covering_grid(points, n_boxes, float(alpha), max_iter, settings.n_threads)
    _report(grid, n_boxes, verbose)
    drawn = _draw(grid, points.shape[1], int(N), bool(replace), words)
    words.commit()
    return (np.sort(drawn) + first).tolist()


def gs_gap(X: Any, N: int, **kwargs: Any) -> list[int]:
    """The name that :func:`gs` has inside the package geosketch. Parity: exact, as there."""
    return gs(X, N, **kwargs)


def uniform(X: Any, N: int, seed: Seed = None, replace: bool = False) -> list[int]:
    """Draw cells uniformly: the plain alternative to :func:`gs`.

    Parity: exact (``geosketch.sketch.uniform`` of 1.3 with the same ``seed``). A seed leaves the global random state
    alone.

    Parameters
    ----------
    X
        Anything with a shape; the cells are its first axis.
    N
        Cells to draw.
    seed, replace
        As in :func:`gs`.

    Returns
    -------
    The drawn cells in the order in which they were drawn.

    Raises
    ------
    ValueError
        If ``N`` is below 1, or above the number of cells without ``replace``.
    """
    shape = np.shape(X)
    if len(shape) != 2:
        raise ValueError(f"X has {len(shape)} dimension(s); expected cells x features.")
    n_cells = shape[0]
    _check_size(N, n_cells, replace)
    if not replace and n_cells == N:
        return list(range(N))
    return _random_state(seed).choice(n_cells, size=N, replace=replace).tolist()


def _random_state(seed: Seed) -> np.random.RandomState:
    if seed is None:
        return np.random.mtrand._rand  # numpy's global state, as the original
    return seed if isinstance(seed, np.random.RandomState) else np.random.RandomState(seed)


class _Words:
    """The 32-bit words of a RandomState: the raw material of its choices. Only :meth:`commit` advances the state."""

    def __init__(self, seed: Seed) -> None:
        self._state = _random_state(seed)
        self._start = self._state.get_state(legacy=False)
        self._words = np.empty(0, np.uint32)
        self._used = 0

    def _draw(self, n: int) -> np.ndarray:
        return self._state.randint(0, 2**32, size=n, dtype=np.uint32)

    def ahead(self, n: int) -> np.ndarray:
        """At least the next ``n`` unused words."""
        missing = self._used + n - self._words.size
        if missing > 0:
            self._words = np.concatenate([self._words, self._draw(missing)])
        return self._words[self._used :]

    def use(self, n: int) -> None:
        self._used += n

    def commit(self) -> None:
        self._state.set_state(self._start)
        self._draw(self._used)


def _draw(grid: dict[str, Any], n_features: int, n_wanted: int, replace: bool, words: _Words) -> np.ndarray:
    sampler = engine.BoxSampler(grid["box_of_point"], grid["n_boxes"], replace)
    boxes = list(map(tuple, grid["intervals"].reshape(-1, n_features).tolist()))
    number = {id(box): k for k, box in enumerate(boxes)}
    occupied: np.ndarray | None = None
    order = np.empty(0, np.int32)
    drawn: list[np.ndarray] = []
    n_drawn = 0
    while n_drawn < n_wanted:
        if sampler.needs_round:
            still_occupied = sampler.boxes_with_points()
            if occupied is None or still_occupied.size != occupied.size:
                # geosketch counts its boxes in the order in which a set of tuples yields them. The law of selection
                # does not depend on that order; the very same indices do.
                ordered = set(boxes[k] for k in still_occupied.tolist())
                order = np.fromiter((number[id(box)] for box in ordered), np.int32, len(ordered))
                occupied = still_occupied
            sampler.start_round(order)
        # Two choices a draw, each of which throws away less than half of its words on average.
        wanted = min(n_wanted - n_drawn, order.size)
        cells, n_used = sampler.draw(words.ahead(4 * wanted + 64), wanted)
        words.use(n_used)
        n_drawn += cells.size
        drawn.append(cells)
    return np.concatenate(drawn)


def _report(grid: dict[str, Any], n_boxes: int, verbose: bool | int) -> None:
    if verbose:
        for length, found in grid["steps"]:
            print(f"[geosketch] box length {length:.6g}: {found} boxes")
    if not grid["converged"]:
        warn(
            f"geosketch: found {grid['n_boxes']} covering boxes in place of about {n_boxes}; "
            "try a larger alpha or another k. Many identical cells can be the cause."
        )


def _checked_points(X: Any) -> np.ndarray:
    if _arrays.is_sparse(X):
        raise TypeError(
            "X is sparse; geometric sketching works on a dense low-dimensional embedding, a PCA for example."
        )
    points = X if isinstance(X, np.ndarray) else np.asarray(X)
    if points.ndim != 2:
        raise ValueError(f"X has {points.ndim} dimension(s); expected cells x features.")
    points = _arrays.checked(points, "X")
    if 0 in points.shape:
        raise ValueError(f"X is empty: {points.shape[0]} cells x {points.shape[1]} features.")
    if points.dtype.kind != "f":
        points = points.astype(np.float64)
    points = _arrays.dense(points, "X")
    _arrays.require_finite(points, "X")
    return points


def _check_size(N: Any, n_cells: int, replace: bool) -> None:
    _checks.whole(N, "N", at_least=1)
    if n_cells == 0:
        raise ValueError("X is empty: there are no cells to draw from.")
    if not replace and n_cells < N:
        raise ValueError(f"Cannot sample {N} elements from {n_cells} elements without replacement")


def _checked_boxes(k: Any, N: int, n_cells: int, replace: bool) -> int:
    if isinstance(k, str):
        if k != "auto":
            raise ValueError(f"k must be 'auto' or a number of covering boxes, found {k!r}.")
        return int(np.sqrt(n_cells)) if replace else int(N)
    if k < 1:
        raise ValueError(f"Cannot draw {k} covering boxes.")
    return _checks.whole(k, "k", at_least=1)
