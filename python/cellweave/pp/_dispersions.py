"""Variable genes by dispersion (flavors 'seurat' and 'cell_ranger'): what is computed per gene once the means and
variances are known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .._compat import warn
from .._moments import Moments, sum_moments
from ..settings import logger

#: Third quartile of the standard normal: makes the median absolute deviation estimate a standard deviation.
_NORMAL_QUARTILE = 0.6744897501960817


@dataclass(frozen=True)
class Cutoffs:
    """Open intervals in which a variable gene's mean and normalised dispersion lie."""

    min_disp: float = 0.5
    max_disp: float = np.inf
    min_mean: float = 0.0125
    max_mean: float = 3

    def hold(self, means: np.ndarray, dispersions_norm: np.ndarray) -> np.ndarray:
        """Which genes are within."""
        return (
            (means > self.min_mean)
            & (means < self.max_mean)
            & (dispersions_norm > self.min_disp)
            & (dispersions_norm < self.max_disp)
        )


def rank_genes(
    matrix: Any,
    name: str,
    *,
    flavor: str,
    log_base: float,
    n_bins: int,
    choice: Cutoffs | int,
    filter_unexpressed: bool = False,
) -> pd.DataFrame:
    """Over all cells: ``means``, ``dispersions``, ``mean_bin``, ``dispersions_norm`` and ``highly_variable``."""
    moments = _moments(matrix, name, flavor, log_base)
    means, variances = moments.mean_variance()
    if filter_unexpressed:
        expressed = _expressed(matrix, name, moments, None)[0]
        return _of_expressed(means[0], variances[0], expressed, flavor, n_bins, choice)
    return _of_one_batch(means[0], variances[0], flavor, n_bins, choice)


def rank_genes_by_batch(
    matrix: Any,
    name: str,
    *,
    batches: np.ndarray | None,
    n_batches: int,
    gene_names: np.ndarray,
    flavor: str,
    log_base: float,
    n_bins: int,
    choice: Cutoffs | int,
) -> pd.DataFrame:
    """The same within each batch, averaged: columns ``means``, ``dispersions``, ``dispersions_norm``,
    ``highly_variable``, ``highly_variable_nbatches`` and ``highly_variable_intersection``, in the order of the genes.

    Genes without a count in a batch count as 0 there. Ties in the choice of the ``n_top_genes`` go to the name that
    sorts first.
    """
    moments = _moments(matrix, name, flavor, log_base, batches, n_batches)
    means, variances = moments.mean_variance()
    expressed = _expressed(matrix, name, moments, batches)
    tables = [
        _of_expressed(means[batch], variances[batch], expressed[batch], flavor, n_bins, choice)
        for batch in range(n_batches)
    ]
    columns = ("means", "dispersions", "dispersions_norm")
    table = pd.DataFrame({column: _mean_of_known([t[column].to_numpy() for t in tables]) for column in columns})
    n_chosen = np.sum([t["highly_variable"].to_numpy() for t in tables], axis=0, dtype=np.int64)
    dispersions_norm = table["dispersions_norm"].to_numpy()
    if isinstance(choice, Cutoffs):
        dispersions_norm = np.where(np.isnan(dispersions_norm), 0.0, dispersions_norm)
        table["dispersions_norm"] = dispersions_norm
        table["highly_variable"] = choice.hold(table["means"].to_numpy(), dispersions_norm)
    else:
        # Last key first: batches that chose the gene, then dispersion (unknown ones last), then name.
        by_name = np.argsort(np.argsort(gene_names, kind="stable"), kind="stable")
        order = np.lexsort((by_name, -dispersions_norm, np.isnan(dispersions_norm), -n_chosen))
        is_chosen = np.zeros(len(table), dtype=bool)
        is_chosen[order[:choice]] = True
        table["highly_variable"] = is_chosen
    table["highly_variable_nbatches"] = n_chosen
    table["highly_variable_intersection"] = n_chosen == n_batches
    return table


def _moments(
    matrix: Any, name: str, flavor: str, log_base: float, batches: np.ndarray | None = None, n_batches: int = 1
) -> Moments:
    undo = log_base if flavor == "seurat" else None
    moments = sum_moments(matrix, name, groups=batches, n_groups=n_batches, log_base=undo)
    if moments.has_nonfinite:
        raise ValueError(f"{name} holds NaN or infinite values. Remove those cells or genes, or fill them in.")
    n_infinite = int((~np.isfinite(moments.sums)).any(axis=0).sum())
    if n_infinite:
        raise ValueError(
            f"cannot specify integer `bins` when input data contains infinity: the means of {n_infinite} gene(s) of "
            f"{name} overflow. flavor='{flavor}' expects logarithmized data; call pp.log1p first."
        )
    return moments


def _expressed(matrix: Any, name: str, moments: Moments, batches: np.ndarray | None) -> np.ndarray:
    """Which genes have a value above 0, per batch."""
    if not moments.has_negative:
        return moments.sums > 0
    zeros = np.zeros_like(moments.sums)
    positive = sum_moments(matrix, name, groups=batches, n_groups=len(zeros), caps=zeros, above_caps=True)
    return positive.sums > 0


def _of_expressed(
    means: np.ndarray,
    variances: np.ndarray,
    expressed: np.ndarray,
    flavor: str,
    n_bins: int,
    choice: Cutoffs | int,
) -> pd.DataFrame:
    """As :func:`_of_one_batch`, over the expressed genes; 0 and False for the others."""
    if not expressed.any():
        raise ValueError("No gene is expressed in some batch. Remove the batch, or call pp.filter_cells first.")
    table = _of_one_batch(means[expressed], variances[expressed], flavor, n_bins, choice)
    table.index = np.flatnonzero(expressed)
    fill = {"means": 0.0, "dispersions": 0.0, "dispersions_norm": 0.0, "highly_variable": False}
    whole = table.reindex(np.arange(len(expressed)))
    for column, value in fill.items():
        values = np.full(len(expressed), value)
        values[expressed] = table[column].to_numpy()
        whole[column] = values
    return whole


def _of_one_batch(
    means: np.ndarray, variances: np.ndarray, flavor: str, n_bins: int, choice: Cutoffs | int
) -> pd.DataFrame:
    means = np.where(means == 0, 1e-12, means)
    dispersions = variances / means
    if flavor == "seurat":
        dispersions[dispersions == 0] = np.nan
        with np.errstate(invalid="ignore"):
            dispersions = np.log(dispersions)
            means = np.log1p(means)
    mean_bin = mean_bins(means, flavor, n_bins)
    centres, widths = bin_statistics(dispersions, mean_bin, flavor)
    with np.errstate(divide="ignore", invalid="ignore"):
        dispersions_norm = (dispersions - centres) / widths
    return pd.DataFrame(
        {
            "means": means,
            "dispersions": dispersions,
            "mean_bin": mean_bin,
            "dispersions_norm": dispersions_norm,
            "highly_variable": _chosen(means, dispersions_norm, choice),
        }
    )


def mean_bins(means: np.ndarray, flavor: str, n_bins: int) -> pd.Categorical:
    """Bins of equal width over the means ('seurat'), or between their percentiles ('cell_ranger')."""
    bins: Any = n_bins
    if flavor == "cell_ranger":
        bins = np.r_[-np.inf, np.percentile(means, np.arange(10, 105, 5)), np.inf]
    try:
        intervals = pd.cut(means, bins=bins)
    except ValueError as error:
        raise ValueError(f"The genes cannot be binned by mean: {error} Filter rarely expressed genes first.") from error
    return intervals.rename_categories(intervals.categories.astype("string"))  # as scanpy since 1.12


def bin_statistics(dispersions: np.ndarray, mean_bin: pd.Categorical, flavor: str) -> tuple[np.ndarray, np.ndarray]:
    """Centre and width of the dispersions in each gene's bin, per gene."""
    codes = np.asarray(mean_bin.codes)
    grouped = pd.Series(dispersions).groupby(codes)
    if flavor == "cell_ranger":
        centres = grouped.median()
        widths = grouped.agg(lambda values: np.median(np.abs((values - np.median(values)) / _NORMAL_QUARTILE)))
    else:
        centres, widths = grouped.mean(), grouped.std()
        # One gene in a bin has no spread: dividing it by itself gives it the normalised dispersion 1.
        is_alone = widths.isna()
        n_alone = int(is_alone.loc[codes].sum())
        if n_alone:
            logger.debug(
                "%d gene(s) are alone in their bin: normalised dispersion 1. A lower n_bins avoids it", n_alone
            )
        widths[is_alone] = centres[is_alone]
        centres[is_alone] = 0.0
    return centres.loc[codes].to_numpy(), widths.loc[codes].to_numpy()


def _chosen(means: np.ndarray, dispersions_norm: np.ndarray, choice: Cutoffs | int) -> np.ndarray:
    if isinstance(choice, Cutoffs):
        return choice.hold(means, np.nan_to_num(dispersions_norm))
    n_top_genes = choice
    if n_top_genes > len(means):
        logger.info("`n_top_genes` > `adata.n_var`, returning all genes.")
        n_top_genes = len(means)
    known = np.sort(dispersions_norm[~np.isnan(dispersions_norm)])[::-1]
    if n_top_genes > len(known):
        warn(
            "`n_top_genes` > number of normalized dispersions, returning all genes with normalized dispersions. "
            f"({n_top_genes} > {len(known)})"
        )
        n_top_genes = len(known)
    if n_top_genes == 0:
        return np.zeros(len(means), dtype=bool)
    threshold = known[n_top_genes - 1]
    logger.debug("the %d top genes correspond to a normalized dispersion cutoff of %s", n_top_genes, threshold)
    return np.nan_to_num(dispersions_norm, nan=-np.inf) >= threshold


def _mean_of_known(values: list[np.ndarray]) -> np.ndarray:
    """Mean over batches, of those in which the value is known; NaN where it is in none."""
    stacked = np.stack(values)
    is_known = ~np.isnan(stacked)
    with np.errstate(invalid="ignore"):
        return np.where(is_known, stacked, 0.0).sum(axis=0) / is_known.sum(axis=0)
