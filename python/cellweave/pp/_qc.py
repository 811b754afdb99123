"""Quality control: what each cell and each gene holds."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from .. import _anndata, _arrays
from .._compat import warn
from .._core import engine
from ..settings import settings

_TOP = (50, 100, 200, 500)


class _Description:
    """What the engine found in one pass over a matrix, in the dtypes that scipy and numpy give their sums.

    Without ``describes_genes``, what it says of them is empty.
    """

    def __init__(
        self, matrix: Any, name: str, gene_sets: np.ndarray, ranks: list[int], *, describes_genes: bool = True
    ) -> None:
        view = _arrays.by_rows(matrix, name, readable=_arrays.NUMBER, check_indices=False)
        cell_totals, n_genes, top_totals, set_totals, gene_totals, n_cells = engine.describe_counts(
            view, gene_sets, ranks, describes_genes, settings.n_threads
        )
        if not np.isfinite(cell_totals).all():
            _arrays.require_finite(matrix, name)
        dtype = _sum_dtype(matrix.dtype)
        self.cell_totals = cell_totals.astype(dtype)
        self.set_totals = set_totals.astype(dtype)
        self.gene_totals = gene_totals.astype(dtype)
        self.gene_means = gene_totals / max(matrix.shape[0], 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            self.top_proportions = top_totals / cell_totals[:, None]
        row_dtype, col_dtype = _count_dtypes(matrix)
        self.n_genes = n_genes.astype(row_dtype)
        self.n_cells = n_cells.astype(col_dtype)


def _sum_dtype(dtype: np.dtype) -> np.dtype:
    """The dtype in which numpy and scipy sum values of ``dtype``."""
    if dtype.kind == "u":
        return np.dtype(np.uint64)
    return np.dtype(np.int64) if dtype.kind in "bi" else dtype


def _count_dtypes(matrix: Any) -> tuple[np.dtype, np.dtype]:
    """The dtypes in which scipy and numpy count the entries of rows and of columns."""
    wide = np.dtype(np.int64)
    if not _arrays.is_sparse(matrix) or matrix.format not in ("csr", "csc"):
        return wide, wide
    return (matrix.indptr.dtype, wide) if matrix.format == "csr" else (wide, matrix.indptr.dtype)


def _checked_ranks(percent_top: Collection[int] | None, n_genes: int) -> list[int]:
    if percent_top is None or len(percent_top) == 0:
        return []
    if not all(isinstance(rank, (int, np.integer)) and not isinstance(rank, bool) for rank in percent_top):
        raise TypeError(f"percent_top must hold whole numbers, found {list(percent_top)!r}.")
    ranks = sorted(int(rank) for rank in percent_top)
    if not (ranks[-1] <= n_genes and ranks[0] > 0):
        raise IndexError(f"Positions outside range of features. percent_top is {ranks}, and there are {n_genes} genes.")
    return ranks


def _gene_sets(adata: AnnData, qc_vars: list[str], n_genes: int) -> np.ndarray:
    """Sets x genes, from boolean columns of ``adata.var``."""
    sets = np.zeros((len(qc_vars), n_genes), dtype=np.uint8)
    for row, qc_var in enumerate(qc_vars):
        if qc_var not in adata.var:
            raise KeyError(f"qc_vars: '{qc_var}' not found; adata.var has {list(adata.var.columns)}.")
        column = adata.var[qc_var]
        if column.isna().any() or not set(column.unique()) <= {True, False} or column.dtype.kind in "iuf":
            raise TypeError(f"qc_vars: adata.var['{qc_var}'] must be boolean, found dtype {column.dtype}.")
        sets[row] = column.to_numpy(dtype=bool)
    return sets


def _picked(adata: AnnData, x: Any, *, use_raw: bool, layer: str | None, needs_genes: bool = True) -> tuple[Any, str]:
    if not isinstance(adata, AnnData):
        raise TypeError(f"adata must be an AnnData, found {type(adata).__name__}.")
    if x is not None:
        return _arrays.checked(x, "x"), "x"
    if use_raw and layer is not None:
        raise ValueError(f"Cannot use expression from both layer and raw. You provided:{use_raw=!r} and {layer=!r}")
    matrix, name = _anndata.picked(adata, layer=layer, use_raw=use_raw)
    if needs_genes and matrix.shape[1] != adata.n_vars:
        raise ValueError(
            f"{name} has {matrix.shape[1]} genes, but adata has {adata.n_vars}: metrics of genes would not fit "
            "adata.var. Use adata.raw.to_adata()."
        )
    return matrix, name


def _obs_table(
    adata: AnnData,
    found: _Description,
    *,
    expr_type: str,
    var_type: str,
    qc_vars: list[str],
    ranks: list[int],
    log1p: bool | None,
) -> pd.DataFrame:
    columns: dict[str, Any] = {}
    columns[f"n_{var_type}_by_{expr_type}"] = found.n_genes
    if log1p:
        columns[f"log1p_n_{var_type}_by_{expr_type}"] = np.log1p(found.n_genes)
    columns[f"total_{expr_type}"] = found.cell_totals
    if log1p:
        columns[f"log1p_total_{expr_type}"] = np.log1p(found.cell_totals)
    for i, rank in enumerate(ranks):
        columns[f"pct_{expr_type}_in_top_{rank}_{var_type}"] = found.top_proportions[:, i] * 100
    for i, qc_var in enumerate(qc_vars):
        of_set = np.ascontiguousarray(found.set_totals[:, i])
        columns[f"total_{expr_type}_{qc_var}"] = of_set
        if log1p:
            columns[f"log1p_total_{expr_type}_{qc_var}"] = np.log1p(of_set)
        with np.errstate(invalid="ignore", divide="ignore"):
            columns[f"pct_{expr_type}_{qc_var}"] = of_set / found.cell_totals * 100
    return pd.DataFrame(columns, index=adata.obs_names, copy=False)


def _var_table(adata: AnnData, found: _Description, *, expr_type: str, log1p: bool | None) -> pd.DataFrame:
    columns: dict[str, Any] = {}
    columns[f"n_cells_by_{expr_type}"] = found.n_cells
    columns[f"mean_{expr_type}"] = found.gene_means
    if log1p:
        columns[f"log1p_mean_{expr_type}"] = np.log1p(found.gene_means)
    n_cells = len(found.cell_totals)
    with np.errstate(invalid="ignore", divide="ignore"):
        columns[f"pct_dropout_by_{expr_type}"] = (1 - found.n_cells / n_cells) * 100 if n_cells else found.gene_means
    columns[f"total_{expr_type}"] = found.gene_totals
    if log1p:
        columns[f"log1p_total_{expr_type}"] = np.log1p(found.gene_totals)
    return pd.DataFrame(columns, index=adata.var_names, copy=False)


def _warn_parallel(parallel: Any) -> None:
    if parallel is not None:
        warn("Argument `parallel` is deprecated, and currently has no effect.", FutureWarning)


def describe_obs(
    adata: AnnData,
    *,
    expr_type: str = "counts",
    var_type: str = "genes",
    qc_vars: Collection[str] = (),
    percent_top: Collection[int] | None = _TOP,
    layer: str | None = None,
    use_raw: bool = False,
    log1p: bool | None = True,
    inplace: bool = False,
    x: Any = None,
    parallel: Any = None,
) -> pd.DataFrame | None:
    """Describe the cells: the table of :func:`calculate_qc_metrics` for ``obs``.

    Faster than that, for the genes are left out.

    Parity: exact (``scanpy.preprocessing._qc.describe_obs``). Parameters as in :func:`calculate_qc_metrics`; ``x`` is a
    matrix of cells x genes to describe in the place of ``adata.X``.

    Returns
    -------
    A DataFrame of n_obs rows, or None if ``inplace``.
    """
    _warn_parallel(parallel)
    qc_vars = [qc_vars] if isinstance(qc_vars, str) else list(qc_vars)
    matrix, name = _picked(adata, x, use_raw=use_raw, layer=layer, needs_genes=bool(qc_vars))
    ranks = _checked_ranks(percent_top, matrix.shape[1])
    found = _Description(matrix, name, _gene_sets(adata, qc_vars, matrix.shape[1]), ranks, describes_genes=False)
    table = _obs_table(adata, found, expr_type=expr_type, var_type=var_type, qc_vars=qc_vars, ranks=ranks, log1p=log1p)
    if not inplace:
        return table
    adata.obs[table.columns] = table
    return None


def describe_var(
    adata: AnnData,
    *,
    expr_type: str = "counts",
    var_type: str = "genes",
    layer: str | None = None,
    use_raw: bool = False,
    inplace: bool = False,
    log1p: bool = True,
    x: Any = None,
) -> pd.DataFrame | None:
    """Describe the genes: the table of :func:`calculate_qc_metrics` for ``var``.

    Parity: exact (``scanpy.preprocessing._qc.describe_var``). Parameters as in :func:`calculate_qc_metrics`; ``x`` is a
    matrix of cells x genes to describe in the place of ``adata.X``. ``var_type`` is not used, as in scanpy.

    Returns
    -------
    A DataFrame of n_vars rows, or None if ``inplace``.
    """
    matrix, name = _picked(adata, x, use_raw=use_raw, layer=layer)
    found = _Description(matrix, name, _gene_sets(adata, [], matrix.shape[1]), [])
    table = _var_table(adata, found, expr_type=expr_type, log1p=log1p)
    if not inplace:
        return table
    adata.var[table.columns] = table
    return None


def calculate_qc_metrics(
    adata: AnnData,
    *,
    expr_type: str = "counts",
    var_type: str = "genes",
    qc_vars: Collection[str] | str = (),
    percent_top: Collection[int] | None = _TOP,
    layer: str | None = None,
    use_raw: bool = False,
    inplace: bool = False,
    log1p: bool = True,
    parallel: bool | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """Calculate quality control metrics of cells and genes, in one pass over the matrix.

    Parity: exact (``scanpy.pp.calculate_qc_metrics``). Sums are taken in float64 and given in the dtype of the matrix.
    Explicit zeros of a sparse matrix are not counted, and stay where they are (scanpy removes them from the caller's
    matrix). A CSC matrix is converted to CSR for it.

    Parameters
    ----------
    adata
        Cells x genes. CSR, CSC or dense; any dtype of numbers.
    expr_type, var_type
        Words for the values and the genes in the names of the columns.
    qc_vars
        Boolean columns of ``adata.var``, for instance that of the mitochondrial genes.
    percent_top
        Numbers of genes: for each, how many percent of a cell's counts lie in so many of its strongest genes.
    layer, use_raw
        Describe a layer or ``adata.raw.X`` instead of ``adata.X``.
    inplace
        Write to ``adata.obs`` and ``adata.var`` instead of returning tables.
    log1p
        Add the log1p of each count, total and mean.
    parallel
        Deprecated, no effect.

    Returns
    -------
    Tables for ``obs`` and ``var``, or None if ``inplace``. With the default words, ``obs`` gets
    ``n_genes_by_counts``, ``total_counts``, ``pct_counts_in_top_N_genes`` and for each of ``qc_vars``
    ``total_counts_V`` and ``pct_counts_V``; ``var`` gets ``n_cells_by_counts``, ``mean_counts``,
    ``pct_dropout_by_counts`` and ``total_counts``.

    Raises
    ------
    IndexError
        A number of ``percent_top`` is below 1 or above the number of genes.
    KeyError
        ``layer``, or one of ``qc_vars``, is not there.
    ValueError
        The matrix holds NaN or infinite values, or is malformed.
    """
    _warn_parallel(parallel)
    sets = [qc_vars] if isinstance(qc_vars, str) else list(qc_vars)
    matrix, name = _picked(adata, None, use_raw=use_raw, layer=layer)
    ranks = _checked_ranks(percent_top, matrix.shape[1])
    found = _Description(matrix, name, _gene_sets(adata, sets, matrix.shape[1]), ranks)
    obs = _obs_table(adata, found, expr_type=expr_type, var_type=var_type, qc_vars=sets, ranks=ranks, log1p=log1p)
    var = _var_table(adata, found, expr_type=expr_type, log1p=log1p)
    if not inplace:
        return obs, var
    adata.obs[obs.columns] = obs
    adata.var[var.columns] = var
    return None


def top_proportions(mtx: Any, n: int) -> np.ndarray:
    """Cumulative share of each cell's counts in its 1, 2, ..., ``n`` strongest genes.

    Parity: exact (``scanpy.preprocessing._qc.top_proportions``).

    Parameters
    ----------
    mtx
        Cells x genes, dense or sparse.
    n
        How many genes to go down.

    Returns
    -------
    n_cells x ``n``, float64.
    """
    matrix = _arrays.checked(mtx, "mtx")
    ranks = list(range(1, _checked_ranks([n], matrix.shape[1])[0] + 1))
    no_sets = np.zeros((0, matrix.shape[1]), dtype=np.uint8)
    return _Description(matrix, "mtx", no_sets, ranks, describes_genes=False).top_proportions
