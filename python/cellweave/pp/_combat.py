"""ComBat: batch effects as a shift and a spread for every gene, shrunk towards what the genes share."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from .. import _anndata, _arrays
from .._compat import old_positionals
from .._core import engine
from ..settings import logger, settings

_CONVERGENCE = 1e-4


def _checked_keys(adata: AnnData, key: str, covariates: Collection[str] | None) -> list[str]:
    if not isinstance(adata, AnnData):
        raise TypeError(f"adata must be an AnnData, found {type(adata).__name__}.")
    if key not in adata.obs:
        raise ValueError(f"Could not find the key {key!r} in adata.obs")
    covariates = [] if covariates is None else list(covariates)
    missing = [covariate for covariate in covariates if covariate not in adata.obs]
    if missing:
        raise ValueError(f"Could not find the covariate(s) {missing!r} in adata.obs")
    if key in covariates:
        raise ValueError("Batch key and covariates cannot overlap")
    if len(covariates) != len(set(covariates)):
        raise ValueError("Covariates must be unique")
    for column in (key, *covariates):
        if adata.obs[column].isna().any():
            raise ValueError(f"adata.obs['{column}'] has missing values. Fill them in, or drop those cells.")
    return covariates


def _batches(column: pd.Series) -> np.ndarray:
    """The number of each cell's batch; refuses batches too small to have a variance."""
    batches = pd.Categorical(column).remove_unused_categories()
    sizes = np.bincount(batches.codes, minlength=len(batches.categories))
    small = [batch for batch, size in zip(batches.categories, sizes, strict=True) if size < 2]
    if small:
        raise ValueError(
            f"Batches {small!r} have fewer than 2 cells. ComBat requires at least 2 cells per batch to estimate "
            "within-batch variance. Filter these batches before running combat."
        )
    return batches.codes.astype(np.int32)


def _covariate_design(adata: AnnData, covariates: list[str]) -> np.ndarray:
    """Cells x terms: a column for each level of the first category and for all but one of the others, then numbers."""
    columns: list[np.ndarray] = []
    is_number = {name: pd.api.types.is_numeric_dtype(adata.obs[name]) for name in covariates}
    is_number = {name: number and adata.obs[name].dtype != bool for name, number in is_number.items()}
    for order, name in enumerate(name for name in covariates if not is_number[name]):
        levels = pd.Categorical(adata.obs[name]).remove_unused_categories()
        first = 0 if order == 0 else 1
        columns.extend((levels.codes == level).astype(float) for level in range(first, len(levels.categories)))
    columns.extend(adata.obs[name].to_numpy(dtype=float) for name in covariates if is_number[name])
    return np.column_stack(columns) if columns else np.zeros((adata.n_obs, 0))


def _without_covariates(matrix: Any, batches: np.ndarray, covariates: np.ndarray, name: str) -> tuple[Any, np.ndarray]:
    """The matrix less what the covariates explain beside the batches, and the coefficients of the covariates."""
    n_batches = int(batches.max()) + 1
    design = np.column_stack([np.eye(n_batches)[batches], covariates])
    products = engine.project(_arrays.by_rows(matrix, name), np.ascontiguousarray(design), settings.n_threads)
    # The levels of batch and covariate both add up to one, so the normal equations may be singular.
    coefficients = np.linalg.pinv(design.T @ design, hermitian=True) @ products
    of_covariates = np.ascontiguousarray(coefficients[n_batches:])
    out = np.empty(matrix.shape, dtype=np.float64)
    engine.subtract_fit(_arrays.by_rows(matrix, name), covariates, of_covariates, out, settings.n_threads)
    return out, of_covariates


def _priors(spreads: np.ndarray) -> tuple[float, float]:
    """Parameters of the inverse gamma prior of a batch's variances, by the method of moments."""
    mean, variance = spreads.mean(), spreads.var(ddof=1)
    return (2 * variance + mean**2) / variance, (mean * variance + mean**3) / variance


def _posterior(
    n: int, means: np.ndarray, squares: np.ndarray, spread: np.ndarray, prior_mean: float, prior_variance: float
) -> tuple[np.ndarray, np.ndarray]:
    """Shift and variance of every gene in a batch, each in turn given the other (Johnson et al. 2007, equation 3.1).

    ``squares`` are sums of squares about ``means``, so an iteration costs a few steps a gene, not a look at the cells.
    """
    a, b = _priors(spread)
    shift, variance = means, spread
    change = 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        while change > _CONVERGENCE:
            new_shift = (prior_variance * n * means + variance * prior_mean) / (prior_variance * n + variance)
            about_shift = squares + n * (means - new_shift) ** 2
            new_variance = (0.5 * about_shift + b) / (n / 2.0 + a - 1.0)
            # In this order a gene without variance (0 / 0) ends the iteration, as it does in the original.
            change = max((abs(new_shift - shift) / shift).max(), (abs(new_variance - variance) / variance).max())
            shift, variance = new_shift, new_variance
    return shift, variance


def _adjust(matrix: Any, batches: np.ndarray, name: str, out: np.ndarray) -> None:
    """Writes the matrix with shift and spread of each batch taken out: a line for each batch and gene."""
    view = _arrays.by_rows(matrix, name)
    n_batches = int(batches.max()) + 1
    sizes = np.bincount(batches)
    sums, squares, *_ = engine.sum_moments(view, batches, n_batches, threads=settings.n_threads)
    batch_means = sums / sizes[:, None]
    about_means = np.maximum(squares - sizes[:, None] * batch_means**2, 0)
    about_means[about_means <= 1e-14 * sizes[:, None] * batch_means**2] = 0
    grand_mean = (sizes / sizes.sum()) @ batch_means
    pooled = about_means.sum(axis=0) / sizes.sum()
    is_flat = pooled == 0
    if is_flat.any():
        logger.info("Found %d genes with zero variance.", int(is_flat.sum()))
    scale = np.sqrt(pooled)
    safe = np.where(is_flat, 1.0, scale)
    shifts = np.where(is_flat, 0.0, (batch_means - grand_mean) / safe)
    inner = np.where(is_flat, 0.0, about_means / safe**2)
    spreads = inner / (sizes[:, None] - 1)
    slopes = np.empty_like(shifts)
    offsets = np.empty_like(shifts)
    for batch, n in enumerate(sizes):
        shift, variance = _posterior(
            int(n), shifts[batch], inner[batch], spreads[batch], shifts[batch].mean(), shifts[batch].var()
        )
        slopes[batch] = np.where(is_flat, 0.0, 1 / np.sqrt(variance))
        start = np.where(is_flat, 0.0, grand_mean + scale * shift)
        offsets[batch] = grand_mean - start * slopes[batch]
    engine.apply_group_lines(view, batches, slopes, offsets, out, settings.n_threads)


@old_positionals("covariates", "inplace")
def combat(
    adata: AnnData, key: str = "batch", *, covariates: Collection[str] | None = None, inplace: bool = True
) -> np.ndarray | None:
    """Correct batch effects by ComBat (Johnson, Li and Rabinovic 2007).

    Parity: exact (``scanpy.pp.combat``), within rounding. Where covariates make the linear model singular (scanpy
    inverts its matrix all the same), the solution of least norm is taken. The batch's variances are iterated from sums
    of squares, so the cells are read twice and written once; a sparse matrix is not made dense before the result.

    Parameters
    ----------
    adata
        Cells x genes, usually logarithms.
    key
        Column of ``adata.obs`` with the batches.
    covariates
        Columns of ``adata.obs`` whose effect is to be kept: categories or numbers.
    inplace
        Write to ``adata.X``; otherwise return the result.

    Returns
    -------
    None, or cells x genes, float64.

    Raises
    ------
    ValueError
        A key is not there or is missing for some cells, a batch has fewer than two cells, or the matrix holds NaN or
        infinite values.
    """
    covariates = _checked_keys(adata, key, covariates)
    batches = _batches(adata.obs[key])
    with _anndata.transaction(adata, makes_actual=inplace) as target:
        matrix, name = _anndata.picked(target.adata)
        _arrays.require_finite(matrix, name)
        terms = _covariate_design(adata, covariates)
        if terms.shape[1]:
            result, coefficients = _without_covariates(matrix, batches, terms, name)
            _adjust(result, batches, name, out=result)
            engine.subtract_fit(result, terms, -coefficients, result, settings.n_threads)
        else:
            result = np.empty(matrix.shape, dtype=np.float64)
            _adjust(matrix, batches, name, out=result)
        if inplace:
            target.set_matrix(result)
    if not inplace:
        return result
    adata.strings_to_categoricals()
    return None
