"""Whole preprocessings from the literature, made of this package's steps."""

from __future__ import annotations

import numpy as np
import pandas as pd
from anndata import AnnData

from .. import _anndata, _arrays, _subset
from .._compat import old_positionals
from .._moments import sum_moments
from ..settings import logger
from ._dispersions import Cutoffs, bin_statistics, mean_bins


@old_positionals("log", "plot", "copy")
def recipe_seurat(adata: AnnData, *, log: bool = True, plot: bool = False, copy: bool = False) -> AnnData | None:
    """Filter, normalise, choose genes, take logarithms and scale, as Seurat did [Satija2015]_.

    Parity: exact (scanpy.pp.recipe_seurat), float32 rounding. Cells with fewer than 200 genes and genes in fewer than
    3 cells go; cells are normalised to 10,000 counts; genes are chosen by mean and dispersion; values are scaled and
    clipped at 10.

    Parameters
    ----------
    adata
        Cells x genes of counts; of logarithms with ``log=False``.
    log
        Take logarithms.
    plot
        Draw mean against dispersion (needs scanpy).
    copy
        Change and return a copy.

    Returns
    -------
    ``None``, or the copy.

    References
    ----------
    .. [Satija2015] Satija et al., Nature Biotechnology 33, 495.
    """
    from . import filter_cells, filter_genes, log1p, normalize_total, scale

    work = _working_copy(adata)
    filter_cells(work, min_genes=200)
    filter_genes(work, min_cells=3)
    normalize_total(work, target_sum=1e4)
    choice = Cutoffs(min_disp=0.5, max_disp=np.inf, min_mean=0.0125, max_mean=3)
    dispersions = _dispersions(work, flavor="seurat", choice=choice, log=not log)
    if plot:
        _plot(dispersions, log=not log)
    _subset.subset(work, dispersions["gene_subset"], axis=1)
    if log:
        log1p(work)
    scale(work, max_value=10)
    return _handed_over(adata, work, copy=copy)


@old_positionals("n_top_genes", "log", "plot", "copy")
def recipe_zheng17(
    adata: AnnData, *, n_top_genes: int = 1000, log: bool = True, plot: bool = False, copy: bool = False
) -> AnnData | None:
    """Filter, normalise, choose genes, normalise again, take logarithms and scale, as Cell Ranger does [Zheng2017]_.

    Parity: exact (scanpy.pp.recipe_zheng17), float32 rounding.

    Parameters
    ----------
    adata
        Cells x genes of counts.
    n_top_genes
        Genes to keep.
    log
        Take logarithms.
    plot
        Draw mean against dispersion (needs scanpy).
    copy
        Change and return a copy.

    Returns
    -------
    ``None``, or the copy.

    References
    ----------
    .. [Zheng2017] Zheng et al., Nature Communications 8, 14049.
    """
    from . import filter_genes, log1p, normalize_total, scale

    logger.info("running recipe zheng17")
    work = _working_copy(adata)
    filter_genes(work, min_counts=1)
    normalize_total(work, key_added="n_counts_all")
    dispersions = _dispersions(work, flavor="cell_ranger", choice=n_top_genes, log=False)
    if plot:
        _plot(dispersions, log=True)
    _subset.subset(work, dispersions["gene_subset"], axis=1)
    normalize_total(work)
    if log:
        log1p(work)
    scale(work)
    return _handed_over(adata, work, copy=copy)


@old_positionals("log", "mean_threshold", "cv_threshold", "n_pcs", "svd_solver", "random_state", "copy")
def recipe_weinreb17(
    adata: AnnData,
    *,
    log: bool = True,
    mean_threshold: float = 0.01,
    cv_threshold: int = 2,
    n_pcs: int = 50,
    svd_solver: str = "randomized",
    random_state: int | np.random.RandomState | None = 0,
    copy: bool = False,
) -> AnnData | None:
    """Take logarithms, normalise, choose genes by coefficient of variation, and PCA of z-scores [Weinreb2017]_.

    Parity: exact matrix and genes, same subspace (scanpy.pp.recipe_weinreb17). Dense input only, as in scanpy.

    Parameters
    ----------
    adata
        Cells x genes of counts, dense.
    log
        Take logarithms first.
    mean_threshold, cv_threshold
        Genes with a higher mean and coefficient of variation are kept.
    n_pcs, svd_solver, random_state
        For :func:`cellweave.pp.pca`.
    copy
        Change and return a copy.

    Returns
    -------
    ``None``, or the copy; ``obsm['X_pca']`` holds the components.

    Raises
    ------
    ValueError
        The matrix is sparse, or no gene passes.

    References
    ----------
    .. [Weinreb2017] Weinreb, Wolock and Klein, Bioinformatics 34, 1246 (2018).
    """
    from . import log1p, pca

    if _arrays.is_sparse(adata.X):
        raise ValueError("`recipe_weinreb16 does not support sparse matrices.")
    work = _working_copy(adata)
    if log:
        log1p(work)
    work.X = _weinreb_normalized(work.X)
    means, deviations = work.X.mean(axis=0), work.X.std(axis=0)
    chosen = (means > mean_threshold) & (deviations / (means + 0.0001) > cv_threshold)
    if not chosen.any():
        raise ValueError("No gene has a mean above mean_threshold and a coefficient of variation above cv_threshold.")
    _subset.subset(work, chosen, axis=1)
    z_scores = (work.X - means[chosen]) / (deviations[chosen] + 0.0001)
    work.obsm["X_pca"] = pca(z_scores, n_comps=n_pcs, svd_solver=svd_solver, random_state=random_state)
    return _handed_over(adata, work, copy=copy)


def _working_copy(adata: AnnData) -> AnnData:
    """What the steps change, so that a failure half-way leaves ``adata`` as it was."""
    if not isinstance(adata, AnnData):
        raise TypeError(f"adata must be an AnnData, found {type(adata).__name__}.")
    _anndata.picked(adata)
    return adata.copy()


def _handed_over(adata: AnnData, work: AnnData, *, copy: bool) -> AnnData | None:
    if copy:
        return work
    adata._init_as_actual(work)
    return None


def _dispersions(adata: AnnData, *, flavor: str, choice: Cutoffs | int, log: bool) -> np.recarray:
    """Means, dispersions and the chosen genes by scanpy's older rules (``filter_genes_dispersion``), in float32."""
    matrix, name = _anndata.picked(adata)
    (means,), (variances,) = sum_moments(matrix, name).mean_variance()
    means = np.where(means == 0, 1e-12, means)
    dispersions = variances / means
    if log:
        dispersions[dispersions == 0] = np.nan
        dispersions, means = np.log(dispersions), np.log1p(means)
    centres, widths = bin_statistics(dispersions, mean_bins(means, flavor, 20), flavor)
    with np.errstate(divide="ignore", invalid="ignore"):
        dispersions_norm = (dispersions - centres) / widths
    if flavor == "cell_ranger":
        dispersions_norm = np.abs(dispersions_norm)
    rounded = dispersions_norm.astype(np.float32)
    if isinstance(choice, Cutoffs):
        chosen = choice.hold(means, np.nan_to_num(rounded, posinf=np.inf, neginf=-np.inf))
    else:
        known = np.sort(rounded[~np.isnan(rounded)])[::-1]
        if choice > len(known):
            raise ValueError(f"n_top_genes is {choice}, but only {len(known)} genes have a dispersion.")
        chosen = dispersions_norm >= known[choice - 1]
    names = ("gene_subset", "means", "dispersions", "dispersions_norm")
    formats = (bool, np.float32, np.float32, np.float32)
    return np.rec.fromarrays((chosen, means, dispersions, rounded), dtype=list(zip(names, formats, strict=True)))


def _weinreb_normalized(values: np.ndarray) -> np.ndarray:
    """Cells scaled to the mean total; genes above 5 % of any cell don't count towards its total."""
    totals = values.sum(axis=1)
    counted = np.all(values <= totals[:, None] * 0.05, axis=0)
    normalized = values / values[:, counted].sum(axis=1)[:, None]
    normalized *= totals.mean()
    return normalized


def _plot(dispersions: np.recarray, *, log: bool) -> None:
    from scanpy.plotting import _preprocessing

    _preprocessing.filter_genes_dispersion(pd.DataFrame(dispersions).to_records(index=False), log=log)
