"""Fewer cells, fewer genes, fewer counts."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal

import numpy as np
import pandas as pd
from anndata import AnnData

from .. import _anndata, _arrays, _checks, _subset
from .._compat import old_positionals, renamed_argument
from .._core import engine
from ..settings import logger, settings
from ._filter import tallied


def _checked_probabilities(data: Any, p: Any, axis: int, axis_name: str) -> np.ndarray | None:
    """Drawing probabilities from an array, a mask or the name of a column."""
    if p is None:
        return None
    if isinstance(p, str):
        if not isinstance(data, AnnData):
            raise ValueError(
                "Cannot refer to mask/probabilities with string without providing anndata object as argument"
            )
        table = getattr(data, axis_name)
        if p not in table.columns:
            raise ValueError(
                f"Did not find `adata.{axis_name}[{p!r}]`. "
                f"Either add the mask/probabilities first to `adata.{axis_name}`"
                "or consider using the mask/probabilities argument with an array."
            )
        p = table[p]
    values = p.to_numpy() if hasattr(p, "to_numpy") else np.asarray(p)
    if len(values) != data.shape[axis]:
        raise ValueError("The shape of the mask/probabilities do not match the data.")
    is_mask = pd.api.types.is_bool_dtype(values.dtype)
    if not (is_mask or pd.api.types.is_float_dtype(values.dtype)):
        raise ValueError("mask/probabilities array must be boolean or floating point.")
    if is_mask and not values.any():
        raise ValueError("The mask `p` is empty: it must leave something to draw from.")
    return values.astype(np.float64) / values.sum() if is_mask else values


def _wanted(fraction: float | None, n: int | None, n_old: int, *, replace: bool) -> int:
    if fraction is None and n is None:
        raise TypeError("Either `fraction` or `n` must be set.")
    if fraction is not None and n is not None:
        raise TypeError("Providing both `fraction` and `n` is not allowed.")
    if fraction is None:
        _checks.number(n, "n")
        return int(n)  # type: ignore[arg-type]
    _checks.number(fraction, "fraction")
    if fraction < 0:
        raise ValueError(f"`{fraction=}` needs to be nonnegative.")
    if not replace and fraction > 1:
        raise ValueError(f"If `replace=False`, `{fraction=}` needs to be within [0, 1].")
    return int(fraction * n_old)


def sample(
    data: AnnData | Any,
    fraction: float | None = None,
    *,
    n: int | None = None,
    rng: Any = None,
    copy: bool = False,
    replace: bool = False,
    axis: Literal["obs", 0, "var", 1] = "obs",
    p: str | np.ndarray | None = None,
) -> AnnData | tuple[Any, np.ndarray] | None:
    """Draw cells or genes.

    Parity: exact (``scanpy.pp.sample``): the same draw for the same ``rng``.

    Parameters
    ----------
    data
        AnnData, or a matrix of cells x genes, or one value for each cell.
    fraction
        How large a part to draw; above 1 only with ``replace``. Give either this or ``n``.
    n
        How many to draw.
    rng
        Seed or :class:`numpy.random.Generator`.
    copy
        For an AnnData: return the sample instead of keeping only it.
    replace
        Draw with replacement.
    axis
        Draw cells (``'obs'``, 0) or genes (``'var'``, 1).
    p
        Probabilities, or a mask, as an array or the name of a column.

    Returns
    -------
    None for an AnnData, or the sample if ``copy``; for matrices the sample and the indices.

    Raises
    ------
    TypeError
        Neither or both of ``fraction`` and ``n`` are given.
    ValueError
        A number is out of range, or ``p`` does not fit.
    NotImplementedError
        ``data`` is backed and ``copy`` is not set.
    """
    is_anndata = isinstance(data, AnnData)
    if not is_anndata:
        data = np.asarray(data) if np.ndim(data) == 1 else _arrays.checked(data, "data")
    if not copy and is_anndata and data.isbacked:
        raise NotImplementedError("Inplace sampling (`copy=False`) is not implemented for backed objects.")
    if axis not in (0, 1, "obs", "var"):
        raise ValueError(f"`axis` must be either 0, 1, 'obs', or 'var', was {axis!r}")
    along = 0 if axis in (0, "obs") else 1
    if along == 1 and not is_anndata and data.ndim == 1:
        raise ValueError("data has one dimension; only along axis 0 can it be sampled.")
    axis_name = ("obs", "var")[along]
    probabilities = _checked_probabilities(data, p, along, axis_name)
    n_old = data.shape[along]
    n_new = _wanted(fraction, n, n_old, replace=replace)
    generator = rng if isinstance(rng, np.random.RandomState) else np.random.default_rng(rng)
    indices = generator.choice(n_old, size=n_new, replace=replace, p=probabilities)
    logger.debug("... sampled to %d %s", n_new, axis_name)
    if not is_anndata:
        return _subset.take(data, indices, along, "data"), indices
    if not copy:
        _subset.subset(data, indices, along)
        return None
    for layer in (data.X, *data.layers.values()):
        _arrays.sound(layer)
    view = data[indices] if along == 0 else data[:, indices]
    return view.to_memory() if data.isbacked else view.copy()


@old_positionals("n_obs", "random_state", "copy")
def subsample(
    data: AnnData | Any,
    fraction: float | None = None,
    *,
    n_obs: int | None = None,
    random_state: Any = 0,
    copy: bool = False,
) -> AnnData | tuple[Any, np.ndarray] | None:
    """Draw cells without replacement. Superseded by :func:`sample`.

    Parity: exact (``scanpy.pp.subsample``): the same draw for the same ``random_state``; numpy's global state is used,
    and moved on, only for ``random_state=None``.

    Parameters
    ----------
    data
        AnnData, or a matrix of cells x genes.
    fraction
        How large a part to draw. Give either this or ``n_obs``.
    n_obs
        How many to draw.
    random_state
        Seed, :class:`numpy.random.RandomState` or None.
    copy
        For an AnnData: return the sample instead of keeping only it.

    Returns
    -------
    None for an AnnData, or the sample if ``copy``; for matrices the sample and the indices.
    """
    if random_state is None:
        rng = np.random.mtrand._rand
    elif isinstance(random_state, np.random.RandomState):
        rng = random_state
    else:
        rng = np.random.RandomState(random_state)
    return sample(data, fraction, n=n_obs, rng=rng, copy=copy, replace=False, axis=0)


def _seed(random_state: Any) -> int:
    """A 32-bit seed: the number itself, or one drawn from a RandomState (None: from the system)."""
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(0, 2**32, dtype=np.uint64))
    _checks.number(random_state, "random_state")
    if int(random_state) != random_state or not 0 <= random_state < 2**32:
        raise ValueError(f"random_state must be a whole number from 0 to 2**32 - 1, found {random_state!r}.")
    return int(random_state)


def _targets(counts_per_cell: Any, n_cells: int) -> np.ndarray:
    targets = np.asarray(counts_per_cell)
    if targets.dtype.kind not in "iuf":
        raise TypeError(f"counts_per_cell must be whole numbers, found {counts_per_cell!r}.")
    targets = np.full(n_cells, targets) if targets.ndim == 0 else targets
    if targets.shape != (n_cells,):
        raise ValueError(
            "If provided, 'counts_per_cell' must be either an integer, or coercible to an `np.ndarray` of length as "
            "number of observations by `np.asarray(counts_per_cell)`."
        )
    targets = targets.astype(np.int64)
    if targets.size and targets.min() < 0:
        raise ValueError(f"counts_per_cell must not be negative, found {targets.min()}.")
    return targets


#: Of one gene in one cell; every count is drawn one by one.
MOST_COUNTS = 10**12


def _drawable(matrix: Any, name: str) -> Any:
    """``matrix`` as CSR or C-contiguous array that the engine may write, with counts that can be drawn from."""
    _arrays.sound(matrix, name)
    if _arrays.is_sparse(matrix) and matrix.format != "csr":
        matrix = matrix.tocsr()
    if matrix.dtype not in _arrays.NUMBER:
        matrix = matrix.astype(np.float64 if matrix.dtype.kind == "f" else np.int64)
    values = matrix.data if _arrays.is_sparse(matrix) else matrix
    if values.size and values.min() < 0:
        raise ValueError(f"{name} holds negative values; counts are expected.")
    _arrays.require_finite(matrix, name)
    if values.size and values.max() > MOST_COUNTS:
        raise ValueError(
            f"{name} holds a count of {values.max():.3g}; more than {MOST_COUNTS:.0g} cannot be drawn from."
        )
    if not _arrays.is_sparse(matrix):
        return np.require(matrix, requirements=["C", "W"])
    return matrix if values.flags.writeable and values.flags.c_contiguous else matrix.copy()


@renamed_argument("target_counts", "counts_per_cell")
def downsample_counts(
    adata: AnnData,
    counts_per_cell: int | Collection[int] | None = None,
    total_counts: int | None = None,
    *,
    random_state: Any = 0,
    replace: bool = False,
    copy: bool = False,
) -> AnnData | None:
    """Draw from the counts of each cell, or of the whole matrix, until so many are left.

    Parity: exact (``scanpy.pp.downsample_counts``): the same counts for the same seed. Each cell starts from the seed
    anew, as there.

    Parameters
    ----------
    adata
        Cells x genes of counts: dense, CSR or CSC.
    counts_per_cell
        Total to which each cell that has more is brought: one number, or one for each cell. Give either this or
        ``total_counts``.
    total_counts
        Total to which the matrix is brought.
    random_state
        Seed.
    replace
        Draw with replacement.
    copy
        Work on a copy and return it.

    Returns
    -------
    None, or the copy; ``adata.X`` holds the counts that were drawn, in the dtype and format it had.

    Raises
    ------
    ValueError
        Not exactly one target is given, it does not fit, or a count is negative, infinite or NaN.
    """
    if (counts_per_cell is None) == (total_counts is None):
        raise ValueError("Must specify exactly one of `total_counts` or `counts_per_cell`.")
    seed = _seed(random_state)
    with _anndata.transaction(adata, copy=copy, makes_actual=True) as target:
        given, name = _anndata.picked(target.adata)
        targets = None if counts_per_cell is None else _targets(counts_per_cell, given.shape[0])
        _checks.number(total_counts, "total_counts", above=-1)
        counts = _drawable(given, name)
        is_sparse = _arrays.is_sparse(counts)
        if targets is not None:
            view = _arrays.compressed(counts, name, readable=_arrays.NUMBER) if is_sparse else counts
            engine.downsample_rows(view, targets, seed, replace, settings.n_threads)
        else:
            values = counts.data if is_sparse else counts.reshape(-1)
            total = tallied(values.reshape(1, -1), name, over_rows=True, detected=False)[0]
            if total >= int(total_counts):  # type: ignore[arg-type]
                engine.downsample(values, int(total_counts), seed, replace)  # type: ignore[arg-type]
        if is_sparse:
            counts.eliminate_zeros()
            counts = counts if counts.format == given.format else counts.asformat(given.format)
        target.set_matrix(counts.astype(given.dtype, copy=False))
    return target.adata if copy else None
