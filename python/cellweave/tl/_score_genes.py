"""Scores of gene sets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from .. import _anndata, _arrays, _checks
from .._compat import old_positionals
from .._core import engine
from ..settings import logger, settings

#: Genes of a dense matrix that are averaged at a time: numpy copies them.
_BLOCK = 256


class _Means:
    """Means of a matrix over cells or over genes, leaving out missing values."""

    def __init__(self, matrix: Any, name: str) -> None:
        self._matrix = matrix
        self._is_sparse = _arrays.is_sparse(matrix)
        if self._is_sparse:
            self._view = _arrays.compressed(matrix, name, check_indices=False)

    def of_genes(self, genes: np.ndarray) -> np.ndarray:
        """Mean over the cells of each of ``genes``."""
        n_cells = self._matrix.shape[0]
        with np.errstate(invalid="ignore", divide="ignore"):
            if self._is_sparse:
                sums, n_missing = engine.sum_columns(self._view, settings.n_threads)
                return (sums / (n_cells - n_missing))[genes]
            # numpy's own sums, in the matrix's precision: the ranks of the means decide which genes can be drawn.
            blocks = [genes[i : i + _BLOCK] for i in range(0, len(genes), _BLOCK)]
            return np.concatenate([np.nanmean(self._matrix[:, block], axis=0) for block in blocks])

    def of_cells(self, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean of each cell over the genes of each of two sets."""
        with np.errstate(invalid="ignore", divide="ignore"):
            if not self._is_sparse:
                return tuple(np.nanmean(self._matrix[:, genes], axis=1, dtype=np.float64) for genes in (first, second))  # type: ignore[return-value]
            sets = np.zeros(self._matrix.shape[1], dtype=np.uint8)
            sets[first] |= 1
            sets[second] |= 2
            sums, n_missing = engine.sum_sets(self._view, sets, settings.n_threads)
            sizes = np.array([[len(first)], [len(second)]])
            means = sums / (sizes - n_missing)
            return means[0], means[1]


def _present_genes(gene_list: Any, gene_pool: Any, var_names: pd.Index) -> tuple[pd.Index, pd.Index]:
    gene_list = pd.Index([gene_list] if isinstance(gene_list, str) else gene_list)
    missing = gene_list.difference(var_names, sort=False)
    gene_list = gene_list.intersection(var_names)
    if len(missing) > 0:
        logger.warning("genes are not in var_names and ignored: %s", missing)
    if len(gene_list) == 0:
        raise ValueError("No valid genes were passed for scoring.")
    if gene_pool is None:
        gene_pool = var_names.astype("string")
    else:
        gene_pool = pd.Index(gene_pool, dtype="string").intersection(var_names)
    if len(gene_pool) == 0:
        raise ValueError("No valid genes were passed for reference set.")
    return gene_list, gene_pool


def _control_genes_by_bin(
    gene_list: pd.Index, means: pd.Series, *, ctrl_as_ref: bool, ctrl_size: int, n_bins: int, rng: Any
) -> Iterator[pd.Index]:
    """For each bin of mean expression that holds a gene of the list, genes drawn from it."""
    n_pool = len(means)
    means = means[np.isfinite(means)]
    n_in_bin = int(np.round(len(means) / (n_bins - 1)))
    # With more bins than genes this divides by zero: all ranks become infinite, and all genes one bin.
    bins = means.rank(method="min") // n_in_bin
    is_left_out: Any = False if ctrl_as_ref else bins.index.isin(gene_list)
    for cut in np.unique(bins.loc[gene_list]):
        genes = bins[(bins == cut) & ~np.asarray(is_left_out)].index
        if len(genes) == 0:
            logger.warning(
                "No control genes for cut=%r. You might want to increase gene_pool size (current size: %d)", cut, n_pool
            )
        if ctrl_size < len(genes):
            genes = genes.to_series().sample(ctrl_size, random_state=rng).index
        yield genes.difference(gene_list) if ctrl_as_ref else genes


def _checked_sizes(ctrl_size: Any, n_bins: Any) -> None:
    for name, value, least in (("ctrl_size", ctrl_size, 0), ("n_bins", n_bins, 2)):
        _checks.number(value, name, optional=False)
        if int(value) != value or value < least:
            raise ValueError(f"{name} must be a whole number of at least {least}, found {value!r}.")


def _scores(
    adata: AnnData,
    gene_list: Any,
    *,
    ctrl_as_ref: bool = True,
    ctrl_size: int = 50,
    gene_pool: Any = None,
    n_bins: int = 25,
    random_state: Any = 0,
    use_raw: bool | None = None,
    layer: str | None = None,
) -> pd.Series:
    """The scores that :func:`score_genes` writes."""
    _checked_sizes(ctrl_size, n_bins)
    if use_raw is None:
        use_raw = adata.raw is not None and layer is None
    is_rng = random_state is None or isinstance(random_state, np.random.RandomState)
    rng = random_state if is_rng else np.random.RandomState(random_state)
    matrix, name = _anndata.picked(adata, layer=layer, use_raw=use_raw)
    var_names = adata.raw.var_names if use_raw else adata.var_names
    gene_list, gene_pool = _present_genes(gene_list, gene_pool, var_names)
    means = _Means(matrix, name)
    of_pool = pd.Series(means.of_genes(var_names.get_indexer(gene_pool)), index=gene_pool)
    control_genes = pd.Index([], dtype="string")
    for genes in _control_genes_by_bin(
        gene_list, of_pool, ctrl_as_ref=ctrl_as_ref, ctrl_size=ctrl_size, n_bins=n_bins, rng=rng
    ):
        control_genes = control_genes.union(genes)
    if len(control_genes) == 0:
        hint = " Try setting `ctrl_as_ref=False`." if ctrl_as_ref else ""
        raise RuntimeError(f"No control genes found in any cut.{hint}")
    listed, control = means.of_cells(var_names.get_indexer(gene_list), var_names.get_indexer(control_genes))
    logger.info("score of a gene set: %d total control genes are used", len(control_genes))
    return pd.Series(listed - control, index=adata.obs_names, dtype="float64")


@old_positionals("ctrl_size", "gene_pool", "n_bins", "score_name", "random_state", "copy", "use_raw")
def score_genes(
    adata: AnnData,
    gene_list: Sequence[str] | pd.Index,
    *,
    ctrl_as_ref: bool = True,
    ctrl_size: int = 50,
    gene_pool: Sequence[str] | pd.Index | None = None,
    n_bins: int = 25,
    score_name: str = "score",
    random_state: Any = 0,
    copy: bool = False,
    use_raw: bool | None = None,
    layer: str | None = None,
) -> AnnData | None:
    """Score a set of genes: their mean expression less that of control genes of like expression.

    Parity: exact (``scanpy.tl.score_genes`` 1.12): the same control genes for the same ``random_state``. The global
    random state of numpy is used only for ``random_state=None``. Missing values (NaN) are left out of the means.

    Parameters
    ----------
    adata
        Cells x genes. CSR, CSC or dense.
    gene_list
        Genes to score; those that are not in ``var_names`` are left out with a warning.
    ctrl_as_ref
        Draw the control genes from bins that still hold the scored genes, and take these away afterwards.
    ctrl_size
        Number of control genes drawn from each bin.
    gene_pool
        Genes to draw from. None: all.
    n_bins
        Number of bins of mean expression.
    score_name
        Column of ``adata.obs`` for the score.
    random_state
        Seed, :class:`numpy.random.RandomState` or None.
    copy
        Work on a copy and return it.
    use_raw
        Score ``adata.raw``. None: if there is one and no ``layer`` is given.
    layer
        Score a layer instead of ``adata.X``.

    Returns
    -------
    None, or the copy; ``adata.obs[score_name]`` is float64.

    Raises
    ------
    ValueError
        No gene of ``gene_list`` or of ``gene_pool`` is there, or a number is out of range.
    KeyError
        A gene of ``gene_list`` is not in ``gene_pool``.
    RuntimeError
        No control genes are left.
    """
    with _anndata.transaction(adata, copy=copy) as target:
        target.obs[score_name] = _scores(
            target.adata,
            gene_list,
            ctrl_as_ref=ctrl_as_ref,
            ctrl_size=ctrl_size,
            gene_pool=gene_pool,
            n_bins=n_bins,
            random_state=random_state,
            use_raw=use_raw,
            layer=layer,
        )
    return target.adata if copy else None


@old_positionals("s_genes", "g2m_genes", "copy")
def score_genes_cell_cycle(
    adata: AnnData, *, s_genes: Sequence[str], g2m_genes: Sequence[str], copy: bool = False, **kwargs: Any
) -> AnnData | None:
    """Score the genes of the S and G2/M phases, and name each cell's phase.

    Parity: exact (``scanpy.tl.score_genes_cell_cycle``).

    Parameters
    ----------
    adata
        Cells x genes. CSR, CSC or dense.
    s_genes, g2m_genes
        Genes of each phase; the smaller number of the two is the ``ctrl_size`` of :func:`score_genes`.
    copy
        Work on a copy and return it.
    **kwargs
        Passed to :func:`score_genes`.

    Returns
    -------
    None, or the copy; ``adata.obs`` gets ``S_score``, ``G2M_score`` and ``phase`` (``'S'``, ``'G2M'`` or ``'G1'``).
    """
    reserved = {"ctrl_size", "score_name"} & set(kwargs)
    if reserved:
        raise TypeError(f"score_genes_cell_cycle() sets {sorted(reserved)} itself.")
    with _anndata.transaction(adata, copy=copy) as target:
        ctrl_size = min(len(s_genes), len(g2m_genes))
        s_score = _scores(target.adata, s_genes, ctrl_size=ctrl_size, **kwargs)
        g2m_score = _scores(target.adata, g2m_genes, ctrl_size=ctrl_size, **kwargs)
        phase = pd.Series("S", index=adata.obs_names)
        phase[g2m_score > s_score] = "G2M"
        phase[(s_score < 0) & (g2m_score < 0)] = "G1"
        target.obs.update(S_score=s_score, G2M_score=g2m_score, phase=phase)
    return target.adata if copy else None
