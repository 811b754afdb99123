"""Logarithm and square root of the values."""

from __future__ import annotations

from typing import Any

import numpy as np
from anndata import AnnData

from .. import _anndata, _arrays, _checks
from .._compat import old_positionals, renamed_argument, warn
from .._core import engine
from ..settings import logger, settings


def _log1p_values(values: np.ndarray, base: float | None) -> None:
    """In place, for any writable array of floats; numpy's warnings where it would give them."""
    flat = values.T if values.flags.f_contiguous else values
    if values.dtype not in _arrays.REAL or not flat.flags.c_contiguous:
        np.log1p(values, out=values)
        if base is not None:
            np.divide(values, np.log(base), out=values)
        return
    is_minus_one_met, is_below = engine.log1p_in_place(flat.reshape(-1), base, settings.n_threads)
    if is_minus_one_met:
        warn("divide by zero encountered in log1p", RuntimeWarning)
    if is_below:
        warn("invalid value encountered in log1p", RuntimeWarning)


def _log1p_matrix(matrix: Any, base: float | None, *, copy: bool, name: str) -> Any:
    """The matrix of logarithms: ``matrix`` itself, changed in place, where it holds floats and ``copy`` is False."""
    if not _arrays.is_sparse(matrix):
        values = np.asarray(matrix)
        if values.dtype.kind not in "fiub":
            raise TypeError(f"{name} has dtype {values.dtype}; expected numbers.")
        is_new = values.dtype.kind != "f" or copy or not values.flags.writeable
        values = values.astype(np.float64 if values.dtype.kind != "f" else values.dtype) if is_new else values
        _log1p_values(values, base)
        return values
    if matrix.format not in ("csr", "csc"):
        matrix = matrix.tocsr()
    if matrix.dtype.kind not in "fiub":
        raise TypeError(f"{name} has dtype {matrix.dtype}; expected numbers.")
    _arrays.compressed(matrix, name, readable=(matrix.dtype,), check_indices=False)
    _arrays.require_finite(matrix, name)
    if matrix.dtype not in _arrays.REAL:
        matrix = matrix.astype(np.float64)
    elif copy or not matrix.data.flags.writeable:
        matrix = matrix.copy()
    _log1p_values(matrix.data, base)
    return matrix


@renamed_argument("X", "data", is_first=True)
def log1p(
    data: AnnData | Any,
    *,
    base: float | None = None,
    copy: bool = False,
    chunked: bool | None = None,
    chunk_size: int | None = None,
    layer: str | None = None,
    obsm: str | None = None,
) -> AnnData | Any | None:
    """Logarithm of one plus each value.

    Parity: exact (``scanpy.pp.log1p``; within 2 units in the last place of numpy's). Works in the buffer of the matrix,
    so whatever shares it changes too; integers are converted to float64 once, as scanpy does.

    Parameters
    ----------
    data
        AnnData, or an array or sparse matrix.
    base
        Base of the logarithm. None: e.
    copy
        Work on a copy and return it.
    chunked, chunk_size
        Go through ``adata.X`` in blocks of cells; needed for an AnnData that is backed by a file (mode ``r+``).
    layer, obsm
        Work on a layer, or on an entry of ``obsm``, instead of ``adata.X``.

    Returns
    -------
    None, or the copy; for matrices the result. ``adata.uns['log1p']`` gets ``{'base': base}``.

    Raises
    ------
    ValueError
        A sparse matrix holds NaN or infinite values, or ``base`` is not positive.
    TypeError
        ``chunked``, ``chunk_size``, ``layer`` or ``obsm`` is given with a matrix.
    NotImplementedError
        ``adata`` is backed and ``chunked`` is not set.
    """
    _checks.number(base, "base", above=0)
    if not isinstance(data, AnnData):
        given = {"chunked": chunked, "chunk_size": chunk_size, "layer": layer, "obsm": obsm}
        invalid = [name for name, value in given.items() if value is not None]
        if invalid:
            raise TypeError(f"Arguments {invalid} are only valid if an AnnData object is passed.")
        return _log1p_matrix(data, base, copy=copy, name="data")
    if "log1p" in data.uns:
        logger.warning("adata.X seems to be already log-transformed.")
    if chunked and (layer is not None or obsm is not None):
        raise NotImplementedError("Currently cannot perform chunked operations on arrays not stored in X.")
    if chunked and data.isbacked:
        return _log1p_backed(data, base, copy=copy, chunk_size=chunk_size)
    with _anndata.transaction(data, copy=copy, makes_actual=True) as target:
        matrix, name = _anndata.picked(target.adata, layer=layer, obsm=obsm)
        target.set_matrix(_log1p_matrix(matrix, base, copy=False, name=name), layer, obsm=obsm)
        target.uns["log1p"] = {"base": base}
    return target.adata if copy else None


def _log1p_backed(adata: AnnData, base: float | None, *, copy: bool, chunk_size: int | None) -> AnnData | None:
    if copy:
        raise NotImplementedError("log1p cannot copy a backed AnnData; use adata.copy(filename) first.")
    if adata.file._filemode != "r+":
        raise NotImplementedError("log1p is not implemented for backed AnnData with backed mode not r+")
    for chunk, start, end in adata.chunked_X(chunk_size):
        adata.X[start:end] = _log1p_matrix(chunk, base, copy=False, name="adata.X")
    adata.uns["log1p"] = {"base": base}
    return None


@old_positionals("copy", "chunked", "chunk_size")
def sqrt(
    data: AnnData | Any,
    *,
    copy: bool = False,
    chunked: bool = False,
    chunk_size: int | None = None,
) -> AnnData | Any | None:
    """Square root of each value.

    Parity: exact (``scanpy.pp.sqrt``): the result is a new matrix.

    Parameters
    ----------
    data
        AnnData, or an array or sparse matrix.
    copy
        For an AnnData: work on a copy and return it.
    chunked, chunk_size
        Go through a backed ``adata.X`` in blocks of cells; for a matrix in memory nothing is different.

    Returns
    -------
    None, or the copy; for matrices the result.
    """
    if not isinstance(data, AnnData):
        if _arrays.is_sparse(data):
            return _arrays.sound(data, "data").sqrt()
        return np.sqrt(data)
    if chunked and data.isbacked:
        for chunk, start, end in data.chunked_X(chunk_size):
            data.X[start:end] = sqrt(chunk)
        return None
    with _anndata.transaction(data, copy=copy, makes_actual=True) as target:
        target.set_matrix(sqrt(target.matrix()))
    return target.adata if copy else None
