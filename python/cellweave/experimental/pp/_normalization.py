"""Normalisation by analytic Pearson residuals, and PCA of them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from ... import _anndata, _subset
from ..._compat import warn
from ...pp._pca import _NOT_GIVEN, _mask, _NotGiven
from ...settings import logger
from . import _residuals
from ._highly_variable_genes import highly_variable_genes


def normalize_pearson_residuals(
    adata: AnnData,
    *,
    theta: float = 100,
    clip: float | None = None,
    check_values: bool = True,
    layer: str | None = None,
    obsm: str | None = None,
    inplace: bool = True,
    copy: bool = False,
) -> AnnData | dict[str, Any] | None:
    """Replace counts by their analytic Pearson residuals.

    Parity: exact (scanpy.experimental.pp.normalize_pearson_residuals). The result is dense: cells x genes values are
    written once and there is no other memory of that size. Cells and genes without a count get NaN, as in scanpy:
    filter them first.

    Parameters
    ----------
    adata
        Cells x genes of raw counts: CSR, CSC or dense.
    theta
        Overdispersion of the negative binomial model, shared by all genes; ``numpy.inf`` is the Poisson model.
    clip
        Residuals are clipped to [-clip, clip]. ``None``: the square root of the number of cells.
    check_values
        Warn if values are no counts.
    layer, obsm
        Use (and replace) ``adata.layers[layer]`` or ``adata.obsm[obsm]`` instead of ``adata.X``.
    inplace
        Replace the matrix, or return a dictionary.
    copy
        Return a changed copy.

    Returns
    -------
    ``None``; the copy if ``copy``; with ``inplace=False`` a dictionary of ``X`` (float64; float32 of float32 counts if
    ``clip`` is given), ``theta``, ``clip`` and ``computed_on``. ``adata.uns['pearson_residuals_normalization']`` holds
    the last three.

    Raises
    ------
    ValueError
        theta is not positive, clip is negative, ``copy`` with ``inplace=False``, a value is negative, NaN or infinite.

    References
    ----------
    Lause, Berens and Kobak, Genome Biology 22, 258 (2021).
    """
    if copy and not inplace:
        raise ValueError("`copy=True` cannot be used with `inplace=False`.")
    used = {"theta": theta, "clip": clip, "computed_on": layer or obsm or "adata.X"}
    theta = _residuals.checked_theta(theta)
    matrix, name = _anndata.picked(adata, layer=layer, obsm=obsm)
    logger.info("computing analytic Pearson residuals on %s", used["computed_on"])
    limit = _residuals.checked_clip(clip, matrix.shape[0])
    counts = _residuals.read(matrix, name, caller="`normalize_pearson_residuals()`", check_values=check_values)
    n_empty = int((counts.of_cell == 0).sum()), int((counts.of_gene == 0).sum())
    if any(n_empty):
        warn(
            f"{n_empty[0]} cell(s) and {n_empty[1]} gene(s) have no counts; their residuals are NaN. "
            "Call pp.filter_cells and pp.filter_genes first.",
            RuntimeWarning,
        )
    # scanpy clips at a numpy float64 if it takes the limit itself, and that makes its result float64.
    in_double = clip is None or isinstance(clip, np.float64)
    values = _residuals.residuals(counts, theta, limit, in_double=in_double)
    if not inplace:
        return {"X": values, **used}
    with _anndata.transaction(adata, copy=copy, makes_actual=True) as target:
        target.set_matrix(values, layer, obsm=obsm)
        target.uns["pearson_residuals_normalization"] = used
    return target.adata if copy else None


def normalize_pearson_residuals_pca(
    adata: AnnData,
    *,
    theta: float = 100,
    clip: float | None = None,
    n_comps: int | None = 50,
    random_state: float = 0,
    kwargs_pca: Mapping[str, Any] = MappingProxyType({}),
    mask_var: np.ndarray | str | _NotGiven | None = _NOT_GIVEN,
    use_highly_variable: bool | None = None,
    check_values: bool = True,
    inplace: bool = True,
) -> AnnData | None:
    """Pearson residuals of the highly variable genes, and PCA of them; the counts stay.

    Parity: exact residuals; same subspace (scanpy.experimental.pp.normalize_pearson_residuals_pca).

    Parameters
    ----------
    adata
        Cells x genes of raw counts.
    theta, clip, check_values
        As in :func:`normalize_pearson_residuals`.
    n_comps, random_state, kwargs_pca
        For :func:`cellweave.pp.pca`.
    mask_var
        Genes to use: a mask, or a column of ``adata.var``; ``None``: all. Not given: ``'highly_variable'`` if it is
        there.
    use_highly_variable
        Deprecated: use ``mask_var``.
    inplace
        Write to ``adata``, or return a new AnnData of the residuals with their PCA.

    Returns
    -------
    ``None``, or the new AnnData. Written are ``obsm['X_pca']`` (float32), ``varm['PCs']`` (0 for genes not used),
    ``uns['pca']``, and ``uns['pearson_residuals_normalization']`` with ``theta``, ``clip``, ``computed_on`` and
    ``pearson_residuals_df`` (cells x genes used).

    Raises
    ------
    ValueError
        As :func:`normalize_pearson_residuals`; or ``mask_var`` does not fit.
    """
    mask = _mask(adata, mask_var, use_highly_variable)[1]
    matrix, name = _anndata.picked(adata)
    used = np.arange(adata.n_vars) if mask is None else np.flatnonzero(mask)
    chosen = AnnData(_subset.take(matrix, used, 1, name), obs=adata.obs[[]], var=adata.var.iloc[used][[]])
    _residuals_pca(chosen, theta, clip, n_comps, random_state, kwargs_pca, check_values)
    if not inplace:
        return chosen
    with _anndata.transaction(adata) as target:
        _collect(target, chosen, mask)
    return None


def recipe_pearson_residuals(
    adata: AnnData,
    *,
    theta: float = 100,
    clip: float | None = None,
    n_top_genes: int = 1000,
    batch_key: str | None = None,
    chunksize: int = 1000,
    n_comps: int | None = 50,
    random_state: float | None = 0,
    kwargs_pca: Mapping[str, Any] = MappingProxyType({}),
    check_values: bool = True,
    inplace: bool = True,
) -> tuple[AnnData, pd.DataFrame] | None:
    """Choice of genes, normalisation and PCA by analytic Pearson residuals.

    Parity: exact choice and residuals; same subspace (scanpy.experimental.pp.recipe_pearson_residuals).

    Parameters
    ----------
    adata
        Cells x genes of raw counts.
    theta, clip, n_top_genes, batch_key, chunksize, check_values
        As in :func:`highly_variable_genes`.
    n_comps, random_state, kwargs_pca
        For :func:`cellweave.pp.pca`.
    inplace
        Write to ``adata``, or return the AnnData of residuals with their PCA, and the table of genes.

    Returns
    -------
    ``None``, or the pair. Written are the columns of :func:`highly_variable_genes` and the keys of
    :func:`normalize_pearson_residuals_pca`.

    Raises
    ------
    ValueError
        As those two.
    """
    arguments: dict[str, Any] = {
        "n_top_genes": n_top_genes,
        "batch_key": batch_key,
        "theta": theta,
        "clip": clip,
        "check_values": check_values,
    }
    table = highly_variable_genes(adata, **arguments, inplace=False)
    assert table is not None
    mask = table["highly_variable"].to_numpy()
    chosen = adata[:, mask].copy()
    _residuals_pca(chosen, theta, clip, n_comps, random_state, kwargs_pca, check_values)
    if not inplace:
        return chosen, table
    with _anndata.transaction(adata) as target:
        target.uns["hvg"] = {"flavor": "pearson_residuals", "computed_on": "adata.X"}
        for column in table.columns:
            target.var[column] = table[column].to_numpy()
        _collect(target, chosen, mask)
    return None


def _residuals_pca(
    chosen: AnnData,
    theta: float,
    clip: float | None,
    n_comps: int | None,
    random_state: Any,
    kwargs_pca: Mapping[str, Any],
    check_values: bool,
) -> None:
    from ...pp import pca

    normalize_pearson_residuals(chosen, theta=theta, clip=clip, check_values=check_values)
    pca(chosen, n_comps=n_comps, random_state=random_state, **kwargs_pca)


def _collect(target: _anndata.Target, chosen: AnnData, mask: np.ndarray | None) -> None:
    """What the PCA of the chosen genes leaves in the AnnData of all genes."""
    loadings = chosen.varm["PCs"]
    if mask is not None:
        whole = np.zeros((len(mask), loadings.shape[1]))
        whole[mask] = loadings
        loadings = whole
    target.obsm["X_pca"] = chosen.obsm["X_pca"]
    target.varm["PCs"] = loadings
    target.uns["pca"] = chosen.uns["pca"]
    target.uns["pearson_residuals_normalization"] = {
        **chosen.uns["pearson_residuals_normalization"],
        "pearson_residuals_df": chosen.to_df(),
    }
