"""Analytic Pearson residuals: totals, checks and the engine's calls."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from ... import _arrays
from ..._compat import warn
from ..._core import engine
from ..._moments import Moments, sum_moments
from ...settings import settings


@dataclass(frozen=True)
class Counts:
    """A matrix of counts and what its residuals follow from."""

    matrix: Any
    name: str
    moments: Moments
    of_cell: np.ndarray
    groups: np.ndarray | None

    @property
    def of_gene(self) -> np.ndarray:
        """Totals, groups x genes."""
        return self.moments.sums

    @property
    def of_group(self) -> np.ndarray:
        """Totals of all counts, per group."""
        return self.moments.sums.sum(axis=1)


def read(
    matrix: Any,
    name: str,
    *,
    caller: str,
    check_values: bool,
    groups: np.ndarray | None = None,
    n_groups: int = 1,
) -> Counts:
    """Reads the totals; warns of values that are no counts (``caller`` starts the message), refuses negative ones."""
    if 0 in matrix.shape:
        raise ValueError(f"{name} has {matrix.shape[0]} cells and {matrix.shape[1]} genes; nothing to compute.")
    moments = sum_moments(matrix, name, groups=groups, n_groups=n_groups)
    if moments.has_nonfinite:
        raise ValueError(f"{name} holds NaN or infinite values. Remove those cells or genes, or fill them in.")
    if check_values and (moments.has_fraction or moments.has_negative):
        warn(f"{caller} expects raw count data, but non-integers were found.")
    if moments.has_negative:
        raise ValueError(f"{name} holds negative values; Pearson residuals need counts.")
    if (moments.sums.sum(axis=1) == 0).any():
        raise ValueError(f"{name} has no counts (in some batch, if there are several).")
    return Counts(matrix, name, moments, sum_moments(matrix.T, name).sums[0], groups)


def checked_theta(theta: Any) -> float:
    """``theta`` as a positive number."""
    if isinstance(theta, (bool, np.bool_)) or not isinstance(theta, Real):
        raise TypeError(f"theta must be a number, found {theta!r}.")
    if not float(theta) > 0:
        raise ValueError("Pearson residuals require theta > 0")
    return float(theta)


def checked_clip(clip: Any, n_cells: int) -> float:
    """``clip``, or the square root of the number of cells."""
    if clip is None:
        return float(np.sqrt(n_cells))
    if isinstance(clip, (bool, np.bool_)) or not isinstance(clip, Real):
        raise TypeError(f"clip must be a number or None, found {clip!r}.")
    if not float(clip) >= 0:
        raise ValueError("Pearson residuals require `clip>=0` or `clip=None`.")
    return float(clip)


def variances(counts: Counts, theta: float, clip: float) -> np.ndarray:
    """Variance of the residuals of each gene, groups x genes; 0 for genes without a count.

    The residual of a count of 0 depends on the totals of cell and gene alone, so the zeros are summed over distinct
    totals; the stored counts then add their difference. Nothing dense is made.
    """
    view, is_transposed = _arrays.as_it_lies(counts.matrix, counts.name, readable=_arrays.NUMBER)
    layout = {"is_transposed": is_transposed} if isinstance(view, np.ndarray) else {}
    groups = np.empty(0, np.int32) if counts.groups is None else counts.groups
    sums, squares = engine.sum_residual_excess(
        view,
        groups=groups,
        cell_totals=counts.of_cell,
        gene_totals=counts.of_gene,
        group_totals=counts.of_group,
        theta=theta,
        clip=clip,
        threads=settings.n_threads,
        **layout,
    )
    for group, (gene_totals, total) in enumerate(zip(counts.of_gene, counts.of_group, strict=True)):
        of_cell = counts.of_cell if counts.groups is None else counts.of_cell[counts.groups == group]
        cell_totals, n_cells_with = np.unique(of_cell, return_counts=True)
        distinct, which = np.unique(gene_totals, return_inverse=True)
        zero_sums, zero_squares = engine.sum_zero_residuals(
            distinct, cell_totals, n_cells_with.astype(np.float64), total, theta, clip, settings.n_threads
        )
        sums[group] += zero_sums[which]
        squares[group] += zero_squares[which]
    n = counts.moments.n_cells[:, None]
    return np.where(counts.of_gene > 0, squares / n - (sums / n) ** 2, 0.0)


def residuals(counts: Counts, theta: float, clip: float, *, in_double: bool) -> np.ndarray:
    """Cells x genes; float32 of float32 counts unless ``in_double``, else float64."""
    matrix = counts.matrix
    if matrix.dtype.kind in "iub" and matrix.dtype not in _arrays.NUMBER:
        matrix = matrix.astype(np.int64)
    if matrix.dtype == np.float32 and in_double:
        matrix = matrix.astype(np.float64)
    if _arrays.is_sparse(matrix):
        view = _arrays.compressed(matrix, counts.name, readable=_arrays.NUMBER)
    else:
        view = _arrays.dense(matrix, counts.name, readable=_arrays.NUMBER)
    return engine.pearson_residuals(
        view, counts.of_cell, counts.of_gene, counts.of_group, theta, clip, settings.n_threads
    )
