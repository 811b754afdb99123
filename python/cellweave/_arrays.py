"""numpy and scipy buffers as the engine's views. Every choice of dtype and every conversion of data is made here.

The engine reads CSR, CSC (matrix or array class, int32 or int64 indices) and C-contiguous dense arrays where they lie.
What it cannot read is converted once, and said so at verbosity 3.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from ._core import engine
from .settings import logger, settings

#: dtypes that all kernels read in place, and those that the counting kernels read in place as well.
REAL = (np.dtype(np.float32), np.dtype(np.float64))
NUMBER = (*REAL, np.dtype(np.int32), np.dtype(np.int64))


def is_sparse(matrix: Any) -> bool:
    """Whether ``matrix`` is one of scipy's sparse classes (matrix or array)."""
    return sparse.issparse(matrix)


def is_foreign(value: Any) -> bool:
    """Whether ``value`` is a matrix of a library that the engine does not read (dask, cupy, ...)."""
    is_matrix = hasattr(value, "shape") and hasattr(value, "dtype") and getattr(value, "ndim", 0) == 2
    return is_matrix and not isinstance(value, np.ndarray) and not is_sparse(value)


def _log_conversion(name: str, what: str) -> None:
    logger.debug("%s is converted: %s", name, what)


def checked(matrix: Any, name: str = "X") -> Any:
    """``matrix`` if it is numeric and two-dimensional; a TypeError or ValueError that says what it is otherwise."""
    if not is_sparse(matrix):
        if type(matrix).__module__.startswith(("h5py", "anndata")) or not hasattr(matrix, "dtype"):
            if hasattr(matrix, "to_memory"):
                raise NotImplementedError(f"{name} is backed by a file. Load it first: adata = adata.to_memory().")
            matrix = np.asarray(matrix)
        elif is_foreign(matrix):
            library = type(matrix).__module__.partition(".")[0]
            raise NotImplementedError(
                f"{name} is a {library} array; the engine reads numpy arrays and scipy sparse matrices: convert it."
            )
        elif not isinstance(matrix, np.ndarray):
            raise TypeError(f"{name} is a {type(matrix).__name__}; expected a numpy array or a scipy sparse matrix.")
    if matrix.ndim != 2:
        raise ValueError(f"{name} has {matrix.ndim} dimension(s); expected cells x genes.")
    if matrix.dtype.kind not in "fiub":
        raise TypeError(f"{name} has dtype {matrix.dtype}; expected numbers. Convert it: {name}.astype('float32').")
    return matrix


def float_dtype(dtype: np.dtype) -> np.dtype:
    """float32 for what has up to 4 bytes, float64 for the rest, as scanpy chooses."""
    return np.dtype(np.float32) if dtype.itemsize <= 4 else np.dtype(np.float64)


def _computable(dtype: np.dtype, readable: tuple[np.dtype, ...]) -> np.dtype:
    """The dtype in which the engine reads values of ``dtype``: itself where it can, else float32 or float64."""
    if dtype in readable:
        return dtype
    if dtype == np.uint32 and np.dtype(np.int64) in readable:
        return np.dtype(np.int64)
    return float_dtype(dtype)


def _values(data: np.ndarray, readable: tuple[np.dtype, ...], name: str) -> np.ndarray:
    target = _computable(data.dtype, readable)
    if data.dtype != target:
        _log_conversion(name, f"{data.dtype} to {target}")
    return np.ascontiguousarray(data, dtype=target)


def compressed(
    matrix: Any, name: str = "X", *, readable: tuple[np.dtype, ...] = REAL, check_indices: bool = True
) -> Any:
    """The engine's view of a CSR or CSC matrix, in the format it has; its structure is checked here.

    Returns ``engine.Csr`` or ``engine.Csc``. Other sparse formats become CSR. With ``check_indices=False`` the indices
    (one read of them) are checked by the kernel that uses them: right for kernels that check as they go or use none.
    """
    if matrix.format not in ("csr", "csc"):
        _log_conversion(name, f"{matrix.format} to csr")
        matrix = matrix.tocsr()
    data = _values(matrix.data, readable, name)
    index_dtype = np.dtype(np.int32) if matrix.indices.dtype == matrix.indptr.dtype == np.int32 else np.dtype(np.int64)
    indices = np.ascontiguousarray(matrix.indices, dtype=index_dtype)
    indptr = np.ascontiguousarray(matrix.indptr, dtype=index_dtype)
    n_rows, n_cols = matrix.shape
    is_csr = matrix.format == "csr"
    make = engine.Csr if is_csr else engine.Csc
    n_lines, line_length = (n_rows, n_cols) if is_csr else (n_cols, n_rows)
    return make(data, indices, indptr, n_lines, line_length, name, settings.n_threads, check_indices)


def sound(matrix: Any, name: str = "X") -> Any:
    """``matrix``, if its structure is what its format promises; a ValueError names what is wrong.

    Call it before scipy works on a caller's sparse matrix: scipy follows row pointers and indices without a look, past
    the end of the arrays if they lead there.
    """
    if is_sparse(matrix) and matrix.format in ("csr", "csc"):
        compressed(matrix, name, readable=(matrix.dtype,) if matrix.dtype in NUMBER else REAL)
    return matrix


def csr(matrix: Any, name: str = "X", *, readable: tuple[np.dtype, ...] = REAL, check_indices: bool = True) -> Any:
    """The engine's view of ``matrix`` as CSR; a CSC matrix is converted."""
    if matrix.format == "csc":
        sound(matrix, name)
        _log_conversion(name, "csc to csr")
        matrix = matrix.tocsr()
    return compressed(matrix, name, readable=readable, check_indices=check_indices)


def canonical(matrix: Any, name: str = "X", *, readable: tuple[np.dtype, ...] = REAL) -> Any:
    """The engine's view of a CSR or CSC matrix whose lines hold rising indices: itself, or a sorted copy."""
    view = compressed(matrix, name, readable=readable, check_indices=False)
    return view if view.is_canonical() else compressed(_with_repeats_added(matrix, name), name, readable=readable)


def each_entry_once(matrix: Any, name: str = "X") -> Any:
    """A sparse matrix as CSR or CSC with rising indices in every line: itself, or a copy. Its structure is checked."""
    if matrix.format not in ("csr", "csc"):
        matrix = matrix.tocsr()
    is_canonical = compressed(matrix, name, readable=(matrix.dtype,), check_indices=False).is_canonical()
    return matrix if is_canonical else _with_repeats_added(matrix, name)


def _with_repeats_added(matrix: Any, name: str) -> Any:
    _log_conversion(name, "indices sorted, repeated entries added")
    matrix = matrix.copy()
    matrix.sum_duplicates()
    return matrix


def dense(matrix: Any, name: str = "X", *, readable: tuple[np.dtype, ...] = REAL) -> np.ndarray:
    """``matrix`` as a C-contiguous array of a dtype that the engine reads; itself where it already is one."""
    if not matrix.flags.c_contiguous:
        _log_conversion(name, "to C order")
    return _values(np.asarray(matrix), readable, name)


def by_rows(matrix: Any, name: str = "X", *, readable: tuple[np.dtype, ...] = REAL, check_indices: bool = True) -> Any:
    """``matrix`` for kernels that go from cell to cell: CSR or a C-contiguous array."""
    if is_sparse(matrix):
        return csr(matrix, name, readable=readable, check_indices=check_indices)
    return dense(matrix, name, readable=readable)


def coordinates(matrix: Any, name: str) -> np.ndarray:
    """An embedding as a C-contiguous array of finite floats; a sparse one is made dense."""
    matrix = checked(matrix, name)
    if is_sparse(matrix):
        matrix = sound(matrix, name).toarray()
    matrix = dense(matrix, name)
    require_finite(matrix, name)
    return matrix


def require_finite(matrix: Any, name: str = "X") -> None:
    """ValueError if a stored value of ``matrix`` is NaN or infinite."""
    values = matrix.data if is_sparse(matrix) else np.asarray(matrix)
    if values.dtype.kind != "f":
        return
    is_read_by_engine = values.dtype in REAL and (values.flags.c_contiguous or values.flags.f_contiguous)
    if is_read_by_engine:
        is_finite = engine.all_finite(values.reshape(-1, order="A"), settings.n_threads)
    else:
        is_finite = bool(np.isfinite(values).all())
    if not is_finite:
        n_bad = int(np.size(values) - np.isfinite(values).sum())
        raise ValueError(
            f"{name} holds {n_bad} NaN or infinite value(s). Remove those cells or genes, or fill them in."
        )


def as_it_lies(matrix: Any, name: str = "X", *, readable: tuple[np.dtype, ...] = REAL) -> tuple[Any, bool]:
    """The engine's view of ``matrix`` in the layout it has, for kernels that read all of them.

    Returns ``engine.Csr``, ``engine.Csc`` or a C-contiguous array, and whether that array is the transpose: a dense
    matrix in Fortran order is read in place as its transpose. The indices are checked by the kernel that uses them.
    """
    if is_sparse(matrix):
        return compressed(matrix, name, readable=readable, check_indices=False), False
    is_transposed = matrix.flags.f_contiguous and not matrix.flags.c_contiguous
    return dense(matrix.T if is_transposed else matrix, name, readable=readable), is_transposed
