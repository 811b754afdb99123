"""Filtering of cells and genes by how much they hold."""

from __future__ import annotations

from typing import Any

import numpy as np
from anndata import AnnData, ImplicitModificationWarning

from .. import _anndata, _arrays, _checks, _subset
from .._compat import old_positionals, warn
from .._core import engine
from ..settings import logger, settings


def tallied(matrix: Any, name: str, *, over_rows: bool, detected: bool) -> np.ndarray:
    """Sum of the values, or number of positive ones, of every row or column, in the dtype that numpy sums to."""
    if _arrays.is_sparse(matrix):
        view = _arrays.compressed(matrix, name, readable=_arrays.NUMBER, check_indices=False)
    else:
        view = _arrays.dense(matrix, name, readable=_arrays.NUMBER)
    tally = engine.tally(view, over_rows, detected, settings.n_threads)
    kind = matrix.dtype.kind
    dtype = np.int64 if detected or kind in "bi" else np.uint64 if kind == "u" else matrix.dtype
    return tally.astype(dtype)


def _one_bound(bounds: dict[str, Any]) -> tuple[str, Any]:
    given = {name: value for name, value in bounds.items() if value is not None}
    if len(given) != 1:
        names = "`, `".join(bounds)
        raise ValueError(f"Only provide one of the optional parameters `{names}` per call.")
    ((name, value),) = given.items()
    _checks.number(value, name)
    return name, value


def _chosen(matrix: Any, name: str, bound: str, value: Any, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """The mask of what stays and the tally behind it."""
    side, what = bound.split("_")
    number = tallied(matrix, name, over_rows=axis == 0, detected=what != "counts")
    keep = number >= value if side == "min" else number <= value
    n_out = int((~keep).sum())
    if n_out:
        limit = "less than" if side == "min" else "more than"
        if axis == 0:
            unit = "counts" if what == "counts" else "genes expressed"
            logger.info("filtered out %d cells that have %s %s %s", n_out, limit, value, unit)
        else:
            unit = "counts" if what == "counts" else "cells"
            logger.info("filtered out %d genes that are detected in %s %s %s", n_out, limit, value, unit)
    return keep, number


def _filter(
    data: Any, bounds: dict[str, Any], axis: int, *, inplace: bool, copy: bool
) -> AnnData | tuple[np.ndarray, np.ndarray] | None:
    if copy:
        logger.warning("`copy` is deprecated, use `inplace` instead.")
    bound, value = _one_bound(bounds)
    if not isinstance(data, AnnData):
        return _chosen(_arrays.checked(data, "data"), "data", bound, value, axis)
    matrix, name = _anndata.picked(data)
    keep, number = _chosen(matrix, name, bound, value, axis)
    if not inplace:
        return keep, number
    adata = data.copy() if copy else data
    slot = "obs" if axis == 0 else "var"
    if adata.is_view:
        warn(f"Trying to modify attribute `.{slot}` of view, initializing view as actual.", ImplicitModificationWarning)
    counted = bound.split("_")[1]
    _subset.subset(adata, keep, axis, {f"n_{counted}": number})
    return adata if copy else None


@old_positionals("min_counts", "min_genes", "max_counts", "max_genes", "inplace", "copy")
def filter_cells(
    data: AnnData | Any,
    *,
    min_counts: int | None = None,
    min_genes: int | None = None,
    max_counts: int | None = None,
    max_genes: int | None = None,
    inplace: bool = True,
    copy: bool = False,
) -> AnnData | tuple[np.ndarray, np.ndarray] | None:
    """Keep the cells that hold enough, or not too much.

    Parity: exact (``scanpy.pp.filter_cells``). A NaN makes the count of its cell NaN, and a NaN passes
    no bound.

    Parameters
    ----------
    data
        AnnData, or a matrix of cells x genes (dense, CSR, CSC).
    min_counts, max_counts
        Bounds on the sum of a cell's values. Give exactly one of the four bounds.
    min_genes, max_genes
        Bounds on the number of genes with a value above zero.
    inplace
        Subset the AnnData and annotate it; otherwise return the mask and the numbers.
    copy
        Deprecated: work on a copy and return it.

    Returns
    -------
    None (``data`` keeps the cells that pass, and ``obs`` gets ``n_counts`` or ``n_genes``); or, for ``inplace=False``
    and for matrices, the boolean mask of the cells that pass and the number per cell.

    Raises
    ------
    ValueError
        Not exactly one bound is given, or the matrix is malformed.
    """
    bounds = {"min_counts": min_counts, "min_genes": min_genes, "max_counts": max_counts, "max_genes": max_genes}
    return _filter(data, bounds, 0, inplace=inplace, copy=copy)


@old_positionals("min_counts", "min_cells", "max_counts", "max_cells", "inplace", "copy")
def filter_genes(
    data: AnnData | Any,
    *,
    min_counts: int | None = None,
    min_cells: int | None = None,
    max_counts: int | None = None,
    max_cells: int | None = None,
    inplace: bool = True,
    copy: bool = False,
) -> AnnData | tuple[np.ndarray, np.ndarray] | None:
    """Keep the genes that are seen often enough, or not too often.

    Parity: exact (``scanpy.pp.filter_genes``).

    Parameters
    ----------
    data
        AnnData, or a matrix of cells x genes (dense, CSR, CSC).
    min_counts, max_counts
        Bounds on the sum of a gene's values. Give exactly one of the four bounds.
    min_cells, max_cells
        Bounds on the number of cells with a value above zero.
    inplace
        Subset the AnnData and annotate it; otherwise return the mask and the numbers.
    copy
        Deprecated: work on a copy and return it.

    Returns
    -------
    None (``data`` keeps the genes that pass, and ``var`` gets ``n_counts`` or ``n_cells``); or, for ``inplace=False``
    and for matrices, the boolean mask of the genes that pass and the number per gene.

    Raises
    ------
    ValueError
        Not exactly one bound is given, or the matrix is malformed.
    """
    bounds = {"min_counts": min_counts, "min_cells": min_cells, "max_counts": max_counts, "max_cells": max_cells}
    return _filter(data, bounds, 1, inplace=inplace, copy=copy)
