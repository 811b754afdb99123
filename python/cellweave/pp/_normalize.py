"""Normalisation of cells to a common total."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
from anndata import AnnData

from .. import _anndata, _arrays, _checks, _subset
from .._compat import deprecated, old_positionals, warn
from .._core import engine
from ..settings import logger, settings
from ._filter import tallied


def _float_counts(matrix: Any, name: str, *, copy: bool) -> Any:
    """``matrix`` as CSR or C-contiguous array of floats; integers become float32, once."""
    given = matrix
    if _arrays.is_sparse(matrix) and matrix.format != "csr":
        _arrays.compressed(matrix, name, readable=(matrix.dtype,))  # scipy's conversion trusts the structure
        matrix = matrix.tocsr()
    if matrix.dtype not in _arrays.REAL:
        matrix = matrix.astype(np.float32)
    if not _arrays.is_sparse(matrix):
        matrix = np.require(matrix, requirements=["C", "W"])
    elif not (matrix.data.flags.c_contiguous and matrix.data.flags.writeable):
        matrix = matrix.copy()
    return matrix.copy() if copy and matrix is given else matrix


def _view(matrix: Any, name: str) -> Any:
    return _arrays.compressed(matrix, name, check_indices=False) if _arrays.is_sparse(matrix) else matrix


def _median(totals: np.ndarray) -> Any:
    """The median total of the cells that have any count."""
    filled = totals[totals > 0]
    return np.median(filled) if filled.size else totals.dtype.type(1)


@old_positionals("target_sum", "exclude_highly_expressed", "max_fraction", "key_added", "layer", "inplace", "copy")
def normalize_total(
    adata: AnnData,
    *,
    target_sum: float | None = None,
    exclude_highly_expressed: bool = False,
    max_fraction: float = 0.05,
    key_added: str | None = None,
    layer: str | None = None,
    obsm: str | None = None,
    inplace: bool = True,
    copy: bool = False,
) -> AnnData | dict[str, np.ndarray] | None:
    """Scale every cell to the same total count.

    Parity: exact (``scanpy.pp.normalize_total`` 1.12: the default target leaves out cells without counts). Works in the
    buffer of ``adata.X`` or the layer, so whatever shares that buffer changes with it; integers are converted to
    float32 once, and CSC to CSR, as scanpy does.

    Parameters
    ----------
    adata
        Cells x genes. CSR, CSC or dense; float32, float64 or integers.
    target_sum
        Total that every cell gets. None: the median total of the cells that have any count.
    exclude_highly_expressed
        Leave out of the totals every gene that holds more than ``max_fraction`` of some cell.
    max_fraction
        See ``exclude_highly_expressed``; from 0 to 1.
    key_added
        Column of ``adata.obs`` for each cell's total divided by the target.
    layer, obsm
        Normalise a layer, or an entry of ``obsm``, instead of ``adata.X``.
    inplace
        Write to ``adata``; otherwise return a dictionary of the results.
    copy
        Work on a copy and return it.

    Returns
    -------
    None, the copy, or for ``inplace=False`` a dictionary of ``X`` and ``norm_factor``.

    Raises
    ------
    ValueError
        ``max_fraction`` or ``target_sum`` is out of range, or a value is infinite or NaN.
    KeyError
        The layer is not there.
    """
    if copy and not inplace:
        raise ValueError("`copy=True` cannot be used with `inplace=False`.")
    _checks.number(max_fraction, "max_fraction", optional=False)
    _checks.number(target_sum, "target_sum", above=0)
    if not 0 <= max_fraction <= 1:
        raise ValueError("Choose max_fraction between 0 and 1.")
    with _anndata.transaction(adata, copy=copy, makes_actual=True) as target:
        given, name = _anndata.picked(target.adata, layer=layer, obsm=obsm)
        counts = _float_counts(given, name, copy=not inplace)
        view = _view(counts, name)
        logger.info("normalizing counts per cell")
        totals, has_negative = engine.count_totals(view, name, settings.n_threads)
        if has_negative:
            logger.warning("%s holds negative values, where counts are expected: pass the raw ones", name)
        if exclude_highly_expressed:
            is_high = engine.find_dominant_genes(view, totals, max_fraction, settings.n_threads)
            totals = engine.totals_without(view, is_high, settings.n_threads)
            logger.info(
                "The following highly-expressed genes are not considered during normalization factor computation:\n%s",
                adata.var_names[is_high.astype(bool)].tolist()
                if counts.shape[1] == adata.n_vars
                else is_high.nonzero()[0],
            )
        totals = totals.astype(counts.dtype)
        factors = totals / (_median(totals) if target_sum is None else target_sum)
        if not (factors > 0).all():
            warn("Some cells have zero counts", UserWarning)
        divisors = factors.astype(np.float64)
        divisors[divisors == 0] = 1
        engine.divide_rows(view, divisors, settings.n_threads)
        if inplace:
            target.set_matrix(counts, layer, obsm=obsm)
            if key_added is not None:
                target.obs[key_added] = factors
    if not inplace:
        return {"X": counts, "norm_factor": factors}
    return target.adata if copy else None


def _divide_in_place(matrix: Any, counts_per_cell: np.ndarray, after: float | None, name: str) -> None:
    """Brings the rows of a float matrix to the total ``after`` (None: the median), given their totals."""
    totals = np.asarray(counts_per_cell, dtype=np.float64)
    after = np.median(totals) if after is None else after
    divisors = np.where(totals == 0, 1.0, totals) / after
    if _arrays.is_sparse(matrix) and matrix.format == "csc":
        matrix.data /= divisors.astype(matrix.dtype)[matrix.indices]
    else:
        engine.divide_rows(_view(matrix, name), divisors, settings.n_threads)


def _refuse_integers(matrix: Any, name: str) -> None:
    if matrix.dtype not in _arrays.REAL:
        raise TypeError(
            f"{name} has dtype {matrix.dtype}; normalize_per_cell works in place and needs float32 or float64. "
            "Use normalize_total, which converts."
        )


@deprecated("Use sc.pp.normalize_total instead")
@old_positionals("counts_per_cell_after", "counts_per_cell", "key_n_counts", "copy", "layers", "use_rep", "min_counts")
def normalize_per_cell(
    data: AnnData | Any,
    *,
    counts_per_cell_after: float | None = None,
    counts_per_cell: np.ndarray | None = None,
    key_n_counts: str = "n_counts",
    copy: bool = False,
    layers: Literal["all"] | Iterable[str] = (),
    use_rep: Literal["after", "X"] | None = None,
    min_counts: int = 1,
) -> AnnData | Any | None:
    """Scale every cell to the same total, and drop the cells below ``min_counts``. Deprecated: use normalize_total.

    Parity: exact (``scanpy.pp.normalize_per_cell``).

    Parameters
    ----------
    data
        AnnData, or a matrix of cells x genes of floats.
    counts_per_cell_after
        Total that every cell gets. None: the median total before.
    counts_per_cell
        Totals, if they are known; no cell is dropped then.
    key_n_counts
        Column of ``adata.obs`` for the totals before.
    copy
        Work on a copy and return it; required for matrices without ``counts_per_cell``.
    layers
        Names of layers to normalise too, or ``'all'``.
    use_rep
        What the layers are brought to: ``'after'``, ``counts_per_cell_after``; ``'X'``, the median of the totals of
        ``X``; None, each its own median.
    min_counts
        Cells with less are dropped.

    Returns
    -------
    None, or the copy.
    """
    if use_rep not in ("after", "X", None):
        raise ValueError('use_rep should be "after", "X" or None')
    _checks.number(counts_per_cell_after, "counts_per_cell_after", above=0)
    if not isinstance(data, AnnData):
        return _matrix_per_cell(data, counts_per_cell_after, counts_per_cell, copy, min_counts)
    adata = data.copy() if copy else data
    x, name = _anndata.picked(adata)
    if isinstance(layers, str) and layers == "all":
        layers = [key for key in adata.layers if key is not None]
    layer_names = list(layers)
    for key in layer_names:
        _refuse_integers(_anndata.picked(adata, layer=key)[0], f"adata.layers['{key}']")
    _refuse_integers(x, name)
    totals = np.asarray(counts_per_cell) if counts_per_cell is not None else None
    if totals is None:
        totals = tallied(x, name, over_rows=True, detected=False)
        keep = totals >= min_counts
        _subset.subset(adata, keep, 0, {key_n_counts: totals})
        totals = totals[keep]
    elif len(totals) != adata.n_obs:
        raise ValueError(f"counts_per_cell has {len(totals)} entries, but there are {adata.n_obs} cells.")
    x = _anndata.picked(adata)[0]
    if not (x.data if _arrays.is_sparse(x) else x).flags.writeable:
        x = adata.X = x.copy()
    after = {"after": counts_per_cell_after, "X": np.median(totals), None: None}[use_rep]
    _divide_in_place(x, totals, counts_per_cell_after, name)
    for key in layer_names:
        layer = adata.layers[key].copy()
        _divide_in_place(layer, tallied(layer, key, over_rows=True, detected=False), after, key)
        adata.layers[key] = layer
    return adata if copy else None


def _matrix_per_cell(
    matrix: Any, after: float | None, counts_per_cell: np.ndarray | None, copy: bool, min_counts: int
) -> Any | None:
    matrix = _arrays.checked(matrix, "data")
    _refuse_integers(matrix, "data")
    if counts_per_cell is None and not copy:
        raise ValueError("Can only be run with copy=True")
    result = matrix.copy() if copy else matrix
    if counts_per_cell is None:
        counts_per_cell = tallied(matrix, "data", over_rows=True, detected=False)
        keep = counts_per_cell >= min_counts
        result, counts_per_cell = _subset.take(result, keep, 0, "data"), counts_per_cell[keep]
    _divide_in_place(result, counts_per_cell, after, "data")
    return result if copy else None
