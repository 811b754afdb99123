"""``pp.highly_variable_genes``: arguments, batches and the keys that are written."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from .. import _anndata, _checks, _subset
from .._compat import old_positionals, warn
from ..settings import logger
from . import _dispersions, _normalized_variance

_BY_DISPERSION = ("seurat", "cell_ranger")
_BY_NORMALIZED_VARIANCE = ("seurat_v3", "seurat_v3_paper")


@old_positionals(
    "layer",
    "n_top_genes",
    "min_disp",
    "max_disp",
    "min_mean",
    "max_mean",
    "span",
    "n_bins",
    "flavor",
    "subset",
    "inplace",
    "batch_key",
    "check_values",
)
def highly_variable_genes(
    adata: AnnData,
    *,
    layer: str | None = None,
    n_top_genes: int | None = None,
    min_disp: float = 0.5,
    max_disp: float = np.inf,
    min_mean: float = 0.0125,
    max_mean: float = 3,
    span: float = 0.3,
    n_bins: int = 20,
    flavor: str = "seurat",
    subset: bool = False,
    inplace: bool = True,
    batch_key: str | None = None,
    filter_unexpressed_genes: bool | None = None,
    check_values: bool = True,
) -> pd.DataFrame | None:
    """Annotate highly variable genes.

    Parity: exact (scanpy.pp.highly_variable_genes). One difference, a mend: with ``batch_key`` and cutoffs the table is
    in the order of ``adata.var_names``. scanpy sorts it by name, and with ``subset=True`` then keeps the wrong genes.
    Equal normalised variances rank as numpy's argsort leaves them, as in scanpy.

    The matrix is read where it lies, whatever its layout and the number of batches: once, or twice for 'seurat_v3'.
    Memory beside it: 16 bytes per gene, batch and thread.

    Parameters
    ----------
    adata
        Cells x genes: CSR, CSC or dense. Logarithmized (pp.log1p) for 'seurat' and 'cell_ranger', counts for
        'seurat_v3' and 'seurat_v3_paper'.
    layer
        Use ``adata.layers[layer]`` instead of ``adata.X``.
    n_top_genes
        Number of genes to keep; the cutoffs are then ignored. ``None``: the cutoffs decide, or 2,000 genes for
        'seurat_v3' and 'seurat_v3_paper'.
    min_disp, max_disp, min_mean, max_mean
        Bounds of normalised dispersion and mean. Not used by 'seurat_v3' and 'seurat_v3_paper'.
    span
        Share of the genes that make up a neighbourhood of the local regression of 'seurat_v3'. It runs in the engine
        (no scikit-misc) and also where scikit-misc raises "near singularities": a neighbourhood with fewer than three
        distinct means, as with many barely expressed genes, is doubled until it has three.
    n_bins
        Bins of the mean for 'seurat'. A gene alone in its bin gets the normalised dispersion 1.
    flavor
        'seurat' [Satija2015]_, 'cell_ranger' [Zheng2017]_, 'seurat_v3' or 'seurat_v3_paper' [Stuart2019]_. The last
        two differ with batches only: sorted by median rank, then by number of batches, or the other way round.
    subset
        Keep only the highly variable genes.
    inplace
        Write to ``adata`` (``None`` is returned), or return a table.
    batch_key
        Column of ``adata.obs``: genes are ranked within each batch and the results merged. Categories without cells
        are passed over.
    filter_unexpressed_genes
        Leave genes without a count out of the bins. With batches it always happens.
    check_values
        Warn if 'seurat_v3' or 'seurat_v3_paper' meet values that are no counts.

    Returns
    -------
    With ``inplace=False`` a table, else ``None``; either holds, per gene:

    ``highly_variable`` (bool), ``means`` (float64);
    by dispersion ``dispersions`` (float64) and ``dispersions_norm`` (float32; float64 in the table);
    by normalised variance ``variances``, ``variances_norm`` (float64) and ``highly_variable_rank`` (float32);
    with batches ``highly_variable_nbatches`` (int64) and, by dispersion, ``highly_variable_intersection`` (bool).
    ``adata.uns['hvg']`` holds the flavor.

    Raises
    ------
    ValueError
        Values are NaN or infinite, counts were given where logarithms are expected, no cells or genes, a batch with
        fewer than 2 cells ('seurat_v3'), or an argument is out of range.
    KeyError
        ``layer`` or ``batch_key`` do not exist.

    References
    ----------
    .. [Satija2015] Satija et al., Nature Biotechnology 33, 495.
    .. [Zheng2017] Zheng et al., Nature Communications 8, 14049.
    .. [Stuart2019] Stuart et al., Cell 177, 1888.
    """
    if not isinstance(adata, AnnData):
        raise ValueError(
            "`pp.highly_variable_genes` expects an `AnnData` argument, "
            "pass `inplace=False` if you want to return a `pd.DataFrame`."
        )
    if flavor not in (*_BY_DISPERSION, *_BY_NORMALIZED_VARIANCE):
        raise ValueError(
            f'`flavor` needs to be "seurat" or "cell_ranger", or "seurat_v3" or "seurat_v3_paper"; found {flavor!r}.'
        )
    logger.info("extracting highly variable genes")
    matrix, name = _anndata.picked(adata, layer=layer)
    if 0 in matrix.shape:
        raise ValueError(f"{name} has {matrix.shape[0]} cells and {matrix.shape[1]} genes; nothing to rank.")
    if n_top_genes is not None:
        n_top_genes = _checks.whole(n_top_genes, "n_top_genes", at_least=1)
    if flavor in _BY_NORMALIZED_VARIANCE:
        batches, n_batches = batch_numbers(adata, batch_key)
        table = _normalized_variance.rank_genes(
            matrix,
            name,
            flavor=flavor,
            gene_names=adata.var_names,
            batches=batches,
            n_batches=n_batches,
            n_top_genes=2000 if n_top_genes is None else n_top_genes,
            span=checked_span(span),
            check_values=check_values,
        )
    else:
        choice: _dispersions.Cutoffs | int = _dispersions.Cutoffs(min_disp, max_disp, min_mean, max_mean)
        if n_top_genes is not None:
            if choice != _dispersions.Cutoffs():
                warn("If you pass `n_top_genes`, all cutoffs are ignored.")
            choice = n_top_genes
        shared: dict[str, Any] = {
            "flavor": flavor,
            "log_base": _log_base(adata),
            "n_bins": _checks.whole(n_bins, "n_bins", at_least=1),
            "choice": choice,
        }
        if batch_key:
            if filter_unexpressed_genes is False:
                warn(
                    "filter_unexpressed_genes is set to False, but will ignored for batch-aware "
                    f"{flavor=!r} HVG computation"
                )
            batches, n_batches = batch_numbers(adata, batch_key, allow_missing=True)
            table = _dispersions.rank_genes_by_batch(
                matrix,
                name,
                batches=batches,
                n_batches=n_batches,
                gene_names=adata.var_names.to_numpy(),
                **shared,
            )
            adata.strings_to_categoricals()
        else:
            table = _dispersions.rank_genes(matrix, name, filter_unexpressed=bool(filter_unexpressed_genes), **shared)
    table.index = adata.var_names
    if inplace:
        write(adata, table, {"flavor": flavor}, has_batches=batch_key is not None, subset=subset)
        return None
    if batch_key is None and flavor in _BY_NORMALIZED_VARIANCE:
        table = table.drop(columns="highly_variable_nbatches")
    return table.loc[table["highly_variable"].to_numpy()] if subset else table


#: Columns of ``adata.var`` in the order in which scanpy writes them, and those that only batches have.
_WRITTEN = (
    "highly_variable",
    "highly_variable_rank",
    "means",
    "variances",
    "dispersions",
    "variances_norm",
    "dispersions_norm",
    "highly_variable_nbatches",
    "highly_variable_intersection",
)
_OF_BATCHES = ("highly_variable_nbatches", "highly_variable_intersection")


def write(adata: AnnData, table: pd.DataFrame, uns: dict[str, Any], *, has_batches: bool, subset: bool) -> None:
    """Writes the table to ``adata.var`` and ``uns`` to ``adata.uns['hvg']``; keeps only the chosen genes if asked."""
    with _anndata.transaction(adata) as target:
        target.uns["hvg"] = uns
        for column in _WRITTEN:
            if column not in table or (column in _OF_BATCHES and not has_batches):
                continue
            values = table[column].to_numpy()
            target.var[column] = values.astype(np.float32) if column == "dispersions_norm" else values
    if subset:
        _subset.subset(adata, table["highly_variable"].to_numpy(), axis=1)


def batch_numbers(
    adata: AnnData, batch_key: str | None, *, allow_missing: bool = False
) -> tuple[np.ndarray | None, int]:
    """Number of each cell's batch (in sorted order; -1 where it is missing) and how many there are."""
    if batch_key is None:
        return None, 1
    if batch_key not in adata.obs:
        raise KeyError(f"batch_key '{batch_key}' not found; adata.obs has {list(adata.obs.columns)}.")
    numbers, names = pd.factorize(np.asarray(adata.obs[batch_key]), sort=True)
    n_missing = int((numbers < 0).sum())
    if n_missing and not allow_missing:
        raise ValueError(
            f"adata.obs['{batch_key}'] is missing for {n_missing} cell(s). Remove them or name their batch."
        )
    if len(names) == 0:
        raise ValueError(f"adata.obs['{batch_key}'] names no batch.")
    return numbers.astype(np.int32), len(names)


def checked_span(span: Any) -> float:
    """``span`` as a number in (0, 1]."""
    if isinstance(span, (bool, np.bool_)) or not isinstance(span, Real):
        raise TypeError(f"span must be a number, found {span!r}.")
    if not 0 < float(span) <= 1:
        raise ValueError(f"span must lie in (0, 1], found {span!r}.")
    return float(span)


def _log_base(adata: AnnData) -> float:
    """Natural logarithm of the base that log1p recorded; 1 for the natural one or if nothing is recorded."""
    base = adata.uns.get("log1p", {}).get("base")
    return 1.0 if base is None else float(np.log(base))
