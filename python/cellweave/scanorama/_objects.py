"""The same for AnnData objects."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from .. import _anndata, _arrays
from ._inputs import MissingKey
from ._integrate import correct, integrate
from ._report import Report

KEY = "X_scanorama"


def _checked_objects(adatas: Any) -> list[AnnData]:
    if isinstance(adatas, AnnData):
        raise TypeError(
            "adatas must be a list of AnnData, found one AnnData. For one object with a batch column call "
            "cellweave.integrate_anndata(adata, batch_key=...)."
        )
    if not isinstance(adatas, Iterable) or isinstance(adatas, (str, Mapping)):
        raise TypeError(f"adatas must be a list of AnnData, found {type(adatas).__name__}.")
    adatas = list(adatas)
    for i, adata in enumerate(adatas):
        if not isinstance(adata, AnnData):
            raise TypeError(f"adatas[{i}] must be an AnnData, found {type(adata).__name__}.")
    if len(adatas) == 0:
        raise ValueError("adatas is empty; give at least one AnnData.")
    return adatas


def _check_keywords(function: Callable[..., Any], keywords: dict[str, Any], *, reserved: Sequence[str]) -> None:
    known = [name for name in inspect.signature(function).parameters if name not in reserved]
    for name in keywords:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean {close[0]}?" if close else f" Known: {', '.join(known)}."
            raise TypeError(f"unexpected keyword argument '{name}'.{hint}")


def _matrices(adatas: Sequence[AnnData]) -> list[Any]:
    return [_anndata.picked(adata)[0] for adata in adatas]


def _genes(adatas: Sequence[AnnData]) -> list[Any]:
    genes = [adata.var_names.to_numpy() for adata in adatas]
    common = set(genes[0]).intersection(*genes[1:])
    if common:
        return genes
    for i, adata in enumerate(adatas):
        others = set().union(*(genes[k] for k in range(len(adatas)) if k != i))
        if others & set(adata.obs_names):
            raise ValueError(
                f"No gene is in all data sets, but obs_names of adatas[{i}] are genes of the others: it is genes x "
                f"cells. Transpose it: adatas[{i}] = adatas[{i}].T."
            )
    return genes


def _parameters(function: Callable[..., Any], keywords: dict[str, Any]) -> dict[str, Any]:
    names = (
        "dimred",
        "approx",
        "sigma",
        "alpha",
        "knn",
        "union",
        "hvg",
        "seed",
        "sketch",
        "sketch_method",
        "sketch_max",
    )
    defaults = inspect.signature(function).parameters
    return {name: keywords.get(name, defaults[name].default) for name in names if name in defaults}


def integrate_scanpy(adatas: Sequence[AnnData], **kwargs: Any) -> Report | None:
    """Integrate AnnData objects.

    Parity: as :func:`integrate`.

    Parameters
    ----------
    adatas
        Data sets, with genes in ``var_names``.
    kwargs
        Parameters of :func:`integrate`. With ``return_report=True`` the :class:`Report` is returned.

    Returns
    -------
    None. Writes to every object ``obsm['X_scanorama']`` (cells x dimred, float64) and ``uns['scanorama']`` (parameters,
    scores, alignments, panorama of each data set). A failing call writes nothing.
    """
    adatas = _checked_objects(adatas)
    _check_keywords(integrate, kwargs, reserved=("datasets_full", "genes_list"))
    return_report = kwargs.pop("return_report", False)
    embeddings, _, report = integrate(_matrices(adatas), _genes(adatas), return_report=True, **kwargs)
    parameters = _parameters(integrate, kwargs)
    for adata, embedding in zip(adatas, embeddings, strict=True):
        with _anndata.transaction(adata) as target:
            target.obsm[KEY] = np.ascontiguousarray(embedding)
            target.uns["scanorama"] = _without_pairs(report).as_uns(parameters)
    return report if return_report else None


def _without_pairs(report: Report) -> Report:
    return replace(report, pairs=None)


def correct_scanpy(adatas: Sequence[AnnData], **kwargs: Any) -> list[AnnData]:
    """Correct the expression of AnnData objects.

    Parity: as :func:`correct`.

    Parameters
    ----------
    adatas
        Data sets, with genes in ``var_names``.
    kwargs
        Parameters of :func:`correct`. With ``return_dimred`` the new objects hold the embedding in
        ``obsm['X_scanorama']``.

    Returns
    -------
    New objects over the merged genes, in alphabetical order, with corrected expression in ``X`` and the given ``obs``,
    ``var`` (rows of genes that a data set lacks, with ``union``, are empty), ``obsm`` and ``uns``. The given objects
    are unchanged.
    """
    adatas = _checked_objects(adatas)
    _check_keywords(correct, kwargs, reserved=("datasets_full", "genes_list", "return_report"))
    return_dimred = bool(kwargs.pop("return_dimred", False))
    embeddings, corrected, genes, report = correct(
        _matrices(adatas), _genes(adatas), return_dimred=True, return_report=True, **kwargs
    )
    uns = _without_pairs(report).as_uns(_parameters(correct, kwargs))
    results = []
    for adata, matrix, embedding in zip(adatas, corrected, embeddings, strict=True):
        var = adata.var[~adata.var_names.duplicated()].reindex(pd.Index(genes, name=adata.var.index.name))
        obsm = dict(adata.obsm)
        if return_dimred:
            obsm[KEY] = np.ascontiguousarray(embedding)
        results.append(AnnData(matrix, obs=adata.obs.copy(), var=var, obsm=obsm, uns={**adata.uns, "scanorama": uns}))
    return results


def integrate_anndata(
    adata: AnnData,
    batch_key: str,
    *,
    layer: str | None = None,
    use_highly_variable: bool = False,
    key_added: str = KEY,
    keep_pairs: bool = False,
    copy: bool = False,
    **kwargs: Any,
) -> AnnData | None:
    """Integrate the batches of one AnnData.

    Parity: scanorama has no such function; the result is that of :func:`integrate` on the batches one by one.

    Parameters
    ----------
    adata
        All cells; batches may lie in any order.
    batch_key
        Column of ``obs`` that names the batches. They are taken in the order of its categories.
    layer
        Matrix to use instead of ``X``: normalised and log-transformed counts.
    use_highly_variable
        Use only genes with ``var['highly_variable']``.
    key_added
        Key of ``obsm`` for the result.
    keep_pairs
        Keep the matched cells too, in ``uns['scanorama']['pairs']``; cells are numbered within their batch.
    copy
        Return a changed copy.
    kwargs
        Parameters of :func:`integrate`, ``ds_names`` excepted: the batches have names. ``order`` takes batch names.

    Returns
    -------
    None, or the copy. Writes ``obsm[key_added]`` (cells x dimred, float64, in the order of the object's own cells) and
    ``uns['scanorama']`` (parameters, scores, alignments, panorama of each batch).

    Raises
    ------
    ValueError
        If the column is missing or holds missing values, and as :func:`integrate`.
    """
    if not isinstance(adata, AnnData):
        raise TypeError(f"adata must be an AnnData, found {type(adata).__name__}.")
    _check_keywords(integrate, kwargs, reserved=("datasets_full", "genes_list", "ds_names", "return_report"))
    codes, names = batches_of(adata, batch_key)
    if kwargs.get("order") is not None:
        kwargs["order"] = [
            str(entry) if not isinstance(entry, (int, np.integer)) else entry for entry in kwargs["order"]
        ]
    with _anndata.transaction(adata, copy=copy) as target:
        matrix = _arrays.sound(target.matrix(layer), "adata.X" if layer is None else f"adata.layers['{layer}']")
        genes = adata.var_names.to_numpy()
        if use_highly_variable:
            if "highly_variable" not in adata.var:
                raise KeyError("var['highly_variable'] not found; call cellweave.pp.highly_variable_genes first.")
            chosen = adata.var["highly_variable"].to_numpy(dtype=bool)
            matrix, genes = matrix[:, chosen], genes[chosen]
        rows = [np.flatnonzero(codes == batch) for batch in range(len(names))]
        embeddings, _, report = integrate(
            [matrix[of_batch] for of_batch in rows], [genes] * len(rows), ds_names=names, return_report=True, **kwargs
        )
        embedding = np.empty((adata.n_obs, embeddings[0].shape[1]))
        for of_batch, coordinates in zip(rows, embeddings, strict=True):
            embedding[of_batch] = coordinates
        target.obsm[key_added] = embedding
        report = report if keep_pairs else _without_pairs(report)
        target.uns["scanorama"] = report.as_uns({"batch_key": batch_key, **_parameters(integrate, kwargs)})
    return target.adata if copy else None


def batches_of(adata: AnnData, batch_key: str) -> tuple[np.ndarray, list[str]]:
    """The batch number of every cell, and the names of the batches that have cells."""
    if batch_key not in adata.obs:
        raise MissingKey(f"batch_key '{batch_key}' not found; adata.obs has {sorted(adata.obs.columns)}.")
    batches = adata.obs[batch_key].astype("category").cat.remove_unused_categories()
    codes = batches.cat.codes.to_numpy()
    if (codes < 0).any():
        raise ValueError(
            f"obs['{batch_key}'] has {int((codes < 0).sum())} missing value(s); fill them in or drop those cells."
        )
    return codes, [str(name) for name in batches.cat.categories]
