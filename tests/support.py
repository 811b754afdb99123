"""Helpers for tests: layouts of a matrix, comparison by bytes, and the promise that a failed call changes nothing."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import cellweave as cw

THREAD_COUNTS = (1, 2, 3, 8)


def _with_index_dtype(matrix, dtype):
    matrix = matrix.copy()
    matrix.indices = matrix.indices.astype(dtype)
    matrix.indptr = matrix.indptr.astype(dtype)
    return matrix


#: Every way in which a matrix of counts reaches us; each takes a CSR matrix.
LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "csr-float32": lambda m: sparse.csr_matrix(m, dtype=np.float32),
    "csr-float64": lambda m: sparse.csr_matrix(m, dtype=np.float64),
    "csr-int32": lambda m: sparse.csr_matrix(m, dtype=np.int32),
    "csr-int64": lambda m: sparse.csr_matrix(m, dtype=np.int64),
    "csr-uint16": lambda m: sparse.csr_matrix(m, dtype=np.uint16),
    "csr-float32-index64": lambda m: _with_index_dtype(sparse.csr_matrix(m, dtype=np.float32), np.int64),
    "csr_array-float32": lambda m: sparse.csr_array(m, dtype=np.float32),
    "csc-float32": lambda m: sparse.csc_matrix(m, dtype=np.float32),
    "csc-float64-index64": lambda m: _with_index_dtype(sparse.csc_matrix(m, dtype=np.float64), np.int64),
    "dense-float32": lambda m: m.toarray().astype(np.float32),
    "dense-float64": lambda m: m.toarray().astype(np.float64),
    "dense-int64": lambda m: m.toarray().astype(np.int64),
    "dense-fortran": lambda m: np.asfortranarray(m.toarray().astype(np.float32)),
}

all_layouts = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())


def as_bytes(value: Any) -> Any:
    """``value`` as something whose equality means: the same bytes."""
    if isinstance(value, np.ndarray):
        return (
            value.dtype.str,
            value.shape,
            pickle.dumps(value.tolist()) if value.dtype.hasobject else value.tobytes(),
        )
    if sparse.issparse(value):
        return (value.format, value.shape, *(as_bytes(getattr(value, a)) for a in ("data", "indices", "indptr")))
    if isinstance(value, (pd.DataFrame, pd.Series, pd.Index, pd.Categorical)):
        return pickle.dumps(value)
    if isinstance(value, anndata.AnnData):
        slots = ("obs", "var", "obsm", "varm", "obsp", "varp", "layers", "uns")
        return (as_bytes(value.X), *(as_bytes(dict(getattr(value, s))) for s in slots))
    if isinstance(value, dict):
        return {key: as_bytes(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return tuple(as_bytes(entry) for entry in value)
    return pickle.dumps(value)


def assert_same_bytes_at_any_thread_count(call: Callable[[], Any]) -> None:
    """Runs ``call`` (which must start from fresh input each time) with 1, 2, 3 and 8 threads and compares bytes."""
    results = {}
    for n_threads in THREAD_COUNTS:
        with cw.threads(n_threads):
            results[n_threads] = as_bytes(call())
    for n_threads in THREAD_COUNTS[1:]:
        assert results[n_threads] == results[THREAD_COUNTS[0]], f"{n_threads} threads give other bytes than one"


@contextmanager
def refuses(adata: Any, error: type[Exception], match: str) -> Iterator[None]:
    """The call inside must raise ``error`` with a message that matches, and leave ``adata`` as it was."""
    before = as_bytes(adata)
    with pytest.raises(error, match=match):
        yield
    assert as_bytes(adata) == before, "a failed call changed its input"
