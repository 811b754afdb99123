"""Principal components of a matrix: what pp.pca and pp.scrublet share. Arrays in, arrays out; no AnnData here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from . import _arrays
from ._core import engine
from ._progress import bars
from .settings import logger, settings


@dataclass(frozen=True)
class Components:
    """Principal components of cells x genes, in the precision of the matrix.

    ``scores`` are cells x components, ``loadings`` components x genes (orthonormal rows; float64), ``variance`` and
    ``variance_ratio`` one value a component.
    """

    scores: np.ndarray
    loadings: np.ndarray
    variance: np.ndarray
    variance_ratio: np.ndarray


def _finite_view(matrix: Any, name: str) -> Any:
    _arrays.require_finite(matrix, name)
    return _arrays.by_rows(matrix, name)


def principal_components(matrix: Any, n_comps: int, *, center: bool = True, name: str = "X") -> Components:
    """The exact leading components; centring is implicit, nothing sparse becomes dense."""
    view = _finite_view(matrix, name)
    if not center:
        return _truncated(view, n_comps, np.empty(0), matrix.shape[0])
    shift = engine.column_means(view, settings.n_threads)
    scores, loadings, squares, total = _decompose(view, shift, n_comps)
    n_free = max(matrix.shape[0] - 1, 1)
    return Components(scores, loadings, squares / n_free, _ratio(squares, total))


def scaled_principal_components(
    matrix: Any, n_comps: int, *, center: bool = True, max_value: float | None = None, name: str = "X"
) -> Components:
    """The components of ``pp.scale(matrix, max_value=max_value)``, which is never formed if ``matrix`` is sparse."""
    if _arrays.is_sparse(matrix):
        matrix = _arrays.each_entry_once(matrix, name).tocsr()
    view = _finite_view(matrix, name)
    mean, deviation = gene_scale(view, matrix.shape[0])
    largest = np.inf if max_value is None else float(max_value)
    if isinstance(view, np.ndarray):
        scaled = engine.scale_densely(view, mean, deviation, largest, settings.n_threads)
        return principal_components(scaled, n_comps, center=center, name=name)
    entries, zeros = engine.scale_implicitly(view, mean, deviation, largest, settings.n_threads)
    pattern = sparse.csr_matrix((entries, matrix.indices, matrix.indptr), shape=matrix.shape)
    if center:  # what a zero becomes is the same for all cells of a gene: centring takes it away again
        return principal_components(pattern, n_comps, name=name)
    return _truncated(_arrays.csr(pattern, name), n_comps, -zeros, matrix.shape[0])


def gene_scale(view: Any, n_cells: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and unbiased standard deviation of every gene, with 1 in place of 0, as pp.scale uses them."""
    sums, squares, *_ = engine.sum_moments(view, threads=settings.n_threads)
    mean = sums[0] / n_cells
    variance = (squares[0] / n_cells - mean**2) * (n_cells / max(n_cells - 1, 1))
    deviation = np.sqrt(np.maximum(variance, 0.0))
    deviation[deviation == 0] = 1.0
    return mean, deviation


def project(matrix: Any, shift: np.ndarray, loadings: np.ndarray, name: str = "X") -> np.ndarray:
    """Cells in the coordinates of ``loadings``: (matrix - shift) loadings^T, in the precision of ``matrix``."""
    return engine.project(_finite_view(matrix, name), shift, np.ascontiguousarray(loadings), settings.n_threads)


def incremental_components(chunks: Iterable[np.ndarray], n_comps: int) -> tuple[np.ndarray, Components]:
    """The mean, and the components found by taking in one dense chunk of cells after another.

    Ross, Lim, Lin and Yang (2008), as scikit-learn's IncrementalPCA: each step decomposes the components so far, the
    centred chunk, and one row for the shift of the mean, stacked. ``scores`` are empty.
    """
    n_seen = 0
    mean = variance_sum = stacked = np.empty(0)
    loadings, squares = np.empty((0, 0)), np.empty(0)
    for chunk in chunks:
        _arrays.require_finite(chunk, "X")
        if chunk.shape[0] < n_comps and n_seen == 0:
            raise ValueError(
                f"n_comps={n_comps} must not exceed the number of cells in the first chunk, {chunk.shape[0]}: "
                "give a larger chunk_size."
            )
        n_new, n_all = chunk.shape[0], n_seen + chunk.shape[0]
        chunk_mean = chunk.mean(axis=0, dtype=np.float64)
        centered = chunk - chunk_mean
        chunk_sum = (centered**2).sum(axis=0)
        if n_seen == 0:
            mean, variance_sum, stacked = chunk_mean, chunk_sum, centered
        else:
            jump = np.sqrt(n_seen * n_new / n_all) * (mean - chunk_mean)
            stacked = np.vstack([np.sqrt(squares)[:, None] * loadings, centered, jump[None, :]])
            variance_sum = variance_sum + chunk_sum + jump**2
            mean = mean + (chunk_mean - mean) * (n_new / n_all)
        n_seen = n_all
        _, loadings, squares, _ = _decompose(np.ascontiguousarray(stacked), np.empty(0), n_comps)
    variance = squares / max(n_seen - 1, 1)
    found = Components(np.empty((0, n_comps)), loadings, variance, _ratio(squares, float(variance_sum.sum())))
    return mean, found


def _decompose(view: Any, shift: np.ndarray, n_comps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    with bars(settings.verbosity >= 2):
        scores, loadings, squares, total, has_converged = engine.pca(view, shift, n_comps, settings.n_threads)
    if not has_converged:
        logger.warning("pca: the last components have not converged to 1e-7; their eigenvalues lie too close together.")
    return scores, loadings, squares, total


def _truncated(view: Any, n_comps: int, shift: np.ndarray, n_cells: int) -> Components:
    """Without centring: variances are those of the scores, as scikit-learn's TruncatedSVD reports them."""
    scores, loadings, _, total = _decompose(view, shift, n_comps)
    variance = scores.var(axis=0, dtype=np.float64)
    column_means = engine.column_means(view, settings.n_threads) - (shift if shift.size else 0.0)
    full = total / n_cells - float(np.dot(column_means, column_means))
    return Components(scores, loadings, variance, _ratio(variance, full))


def _ratio(part: np.ndarray, whole: float) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return part / whole
