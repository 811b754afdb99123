"""``experimental.pp.highly_variable_genes``: genes ranked by the variance of their Pearson residuals."""

from __future__ import annotations

import numpy as np
import pandas as pd
from anndata import AnnData

from ... import _anndata, _checks, _subset
from ...pp._highly_variable_genes import batch_numbers
from ...pp._normalized_variance import median_ranks
from ...settings import logger
from . import _residuals


def highly_variable_genes(
    adata: AnnData,
    *,
    theta: float = 100,
    clip: float | None = None,
    n_top_genes: int | None = None,
    batch_key: str | None = None,
    chunksize: int = 1000,
    flavor: str = "pearson_residuals",
    check_values: bool = True,
    layer: str | None = None,
    subset: bool = False,
    inplace: bool = True,
) -> pd.DataFrame | None:
    """Select highly variable genes by the variance of their analytic Pearson residuals.

    Parity: exact (scanpy.experimental.pp.highly_variable_genes), but for the order of genes whose variances differ by
    rounding only. Residuals are summed, never stored: memory beside the matrix is 16 bytes per gene, batch and thread.

    Parameters
    ----------
    adata
        Cells x genes of raw counts: CSR, CSC or dense.
    theta
        Overdispersion of the negative binomial model, shared by all genes; ``numpy.inf`` is the Poisson model.
    clip
        Residuals are clipped to [-clip, clip]. ``None``: the square root of the number of cells (with batches, as in
        scanpy, of the cells of the first one).
    n_top_genes
        Number of genes to keep. Required.
    batch_key
        Column of ``adata.obs``: genes are ranked within each batch and the results merged.
    chunksize
        Not used; there for scanpy's sake.
    flavor
        Only 'pearson_residuals'.
    check_values
        Warn if values are no counts.
    layer
        Use ``adata.layers[layer]`` instead of ``adata.X``.
    subset
        Keep only the highly variable genes.
    inplace
        Write to ``adata.var``, or return a table.

    Returns
    -------
    With ``inplace=False`` a table, else ``None``; either holds ``means``, ``variances``, ``residual_variances``
    (float64), ``highly_variable_rank`` (float32), ``highly_variable`` (bool), and with batches
    ``highly_variable_nbatches`` (int64) and ``highly_variable_intersection`` (bool).
    ``adata.uns['hvg']`` holds the flavor and what it was computed on.

    Raises
    ------
    ValueError
        theta is not positive, clip is negative, n_top_genes is missing, a value is negative, NaN or infinite, or a
        batch has no count.

    References
    ----------
    Lause, Berens and Kobak, Genome Biology 22, 258 (2021).
    """
    if not isinstance(adata, AnnData):
        raise ValueError(
            "`pp.highly_variable_genes` expects an `AnnData` argument, "
            "pass `inplace=False` if you want to return a `pd.DataFrame`."
        )
    if flavor != "pearson_residuals":
        raise ValueError("This is an experimental API and only `flavor=pearson_residuals` is available.")
    if n_top_genes is None:
        raise ValueError(
            "`pp.highly_variable_genes` requires the argument `n_top_genes` for `flavor='pearson_residuals'`"
        )
    logger.info("extracting highly variable genes")
    theta = _residuals.checked_theta(theta)
    n_top_genes = _checks.whole(n_top_genes, "n_top_genes", at_least=1)
    matrix, name = _anndata.picked(adata, layer=layer)
    batches, n_batches = batch_numbers(adata, batch_key)
    counts = _residuals.read(
        matrix,
        name,
        caller="`flavor='pearson_residuals'`",
        check_values=check_values,
        groups=batches,
        n_groups=n_batches,
    )
    clip = _residuals.checked_clip(clip, int(counts.moments.n_cells[0]))
    table = _table(counts, theta, clip, n_top_genes, n_batches)
    table.index = adata.var_names
    if inplace:
        _write(adata, table, layer or "adata.X", has_batches=batch_key is not None, subset=subset)
        return None
    if batch_key is None:
        table = table.drop(columns=["highly_variable_nbatches", "highly_variable_intersection"])
    return table.loc[table["highly_variable"].to_numpy()] if subset else table


def _table(counts: _residuals.Counts, theta: float, clip: float, n_top_genes: int, n_batches: int) -> pd.DataFrame:
    residual_variances = _residuals.variances(counts, theta, clip)
    n_chosen, median_rank = median_ranks(residual_variances, n_top_genes)
    means, variances = counts.moments.pooled().mean_variance()
    # Last key first: batches that chose the gene, then its median rank there.
    order = np.lexsort((median_rank, np.isnan(median_rank), -n_chosen))
    is_chosen = np.zeros(len(order), dtype=bool)
    is_chosen[order[:n_top_genes]] = True
    return pd.DataFrame(
        {
            "means": means[0],
            "variances": variances[0],
            "residual_variances": residual_variances.mean(axis=0),
            "highly_variable_rank": median_rank,
            "highly_variable_nbatches": n_chosen,
            "highly_variable_intersection": n_chosen == n_batches,
            "highly_variable": is_chosen,
        }
    )


def _write(adata: AnnData, table: pd.DataFrame, computed_on: str, *, has_batches: bool, subset: bool) -> None:
    with _anndata.transaction(adata) as target:
        target.uns["hvg"] = {"flavor": "pearson_residuals", "computed_on": computed_on}
        for column in table.columns:
            if has_batches or column not in ("highly_variable_nbatches", "highly_variable_intersection"):
                target.var[column] = table[column].to_numpy()
    if subset:
        _subset.subset(adata, table["highly_variable"].to_numpy(), axis=1)
