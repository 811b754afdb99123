"""Sums of values and of squares per gene and batch, from which means, variances and dispersions follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _arrays
from ._core import engine
from .settings import settings


@dataclass(frozen=True)
class Moments:
    """What one read of a matrix tells. ``sums`` and ``squares`` are groups x genes, in double."""

    n_cells: np.ndarray
    sums: np.ndarray
    squares: np.ndarray
    has_negative: bool
    has_fraction: bool
    has_nonfinite: bool

    def mean_variance(self) -> tuple[np.ndarray, np.ndarray]:
        """Means and unbiased variances, groups x genes. The variance of a single value is 0."""
        n = self.n_cells[:, None].astype(np.float64)
        means = self.sums / n
        variances = (self.squares / n - means**2) * (n / np.where(n > 1, n - 1, n))
        return means, variances

    def pooled(self) -> Moments:
        """The moments of the cells of all groups together."""
        return Moments(
            self.n_cells.sum(keepdims=True),
            self.sums.sum(axis=0, keepdims=True),
            self.squares.sum(axis=0, keepdims=True),
            self.has_negative,
            self.has_fraction,
            self.has_nonfinite,
        )


def sum_moments(
    matrix: Any,
    name: str = "X",
    *,
    groups: np.ndarray | None = None,
    n_groups: int = 1,
    log_base: float | None = None,
    caps: np.ndarray | None = None,
    above_caps: bool = False,
) -> Moments:
    """Sums over cells, without a copy of ``matrix``.

    Parameters
    ----------
    matrix
        Cells x genes, in any layout.
    name
        What messages call it.
    groups
        The group of each cell, 0 to ``n_groups`` - 1; negative leaves the cell out. ``None``: all are one group.
    log_base
        Natural logarithm of the base of the log1p that is to be undone; ``None``: values are taken as they are.
    caps
        Groups x genes; larger values count as the cap.
    above_caps
        Sum what the caps cut away instead: value - cap and value^2 - cap^2.
    """
    view, is_transposed = _arrays.as_it_lies(matrix, name, readable=_arrays.NUMBER)
    layout = {"is_transposed": is_transposed} if isinstance(view, np.ndarray) else {}
    if groups is None:
        n_cells = np.array([matrix.shape[0]])
    else:
        groups = np.ascontiguousarray(groups, dtype=np.int32)
        n_cells = np.bincount(groups[groups >= 0], minlength=n_groups)
    result = engine.sum_moments(
        view,
        groups=groups,
        n_groups=n_groups,
        log_base=log_base,
        caps=caps,
        above_caps=above_caps,
        threads=settings.n_threads,
        **layout,
    )
    return Moments(n_cells, *result)
