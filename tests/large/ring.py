"""Arrays longer than memory: one short piece, mapped again and again into consecutive addresses."""

from __future__ import annotations

import ctypes
import mmap
import os

import numpy as np
from scipy import sparse

_PRIVATE_AND_FIXED = mmap.MAP_PRIVATE | 0x10  # MAP_FIXED, which the module mmap does not name

_mapped = ctypes.CDLL(None, use_errno=True).mmap
_mapped.restype = ctypes.c_void_p
_mapped.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long)


def repeated(piece: np.ndarray, n_times: int) -> np.ndarray:
    """``np.tile(piece, n_times)`` that takes the memory of one piece until it is written to; of whole pages."""
    n_bytes = piece.nbytes
    assert n_bytes % mmap.PAGESIZE == 0
    access = mmap.PROT_READ | mmap.PROT_WRITE
    room = mmap.mmap(-1, n_bytes * n_times)
    whole = np.frombuffer(room, dtype=piece.dtype)
    file = os.memfd_create("piece")
    try:
        os.write(file, piece.tobytes())
        start = whole.ctypes.data
        for at in range(start, start + n_bytes * n_times, n_bytes):
            assert _mapped(at, n_bytes, access, _PRIVATE_AND_FIXED, file, 0) == at, os.strerror(ctypes.get_errno())
    finally:
        os.close(file)
    return whole


def tiled(matrix: sparse.csr_matrix, n_times: int) -> sparse.csr_matrix:
    """``matrix`` below itself ``n_times``, with 64-bit indices."""
    starts = np.arange(n_times, dtype=np.int64)[:, None] * matrix.nnz + matrix.indptr[:-1]
    indptr = np.append(starts.ravel(), n_times * matrix.nnz)
    data = repeated(matrix.data, n_times)
    indices = repeated(matrix.indices.astype(np.int64), n_times)
    whole = sparse.csr_matrix((n_times * matrix.shape[0], matrix.shape[1]), dtype=matrix.dtype)
    whole.data, whole.indices, whole.indptr = data, indices, indptr
    whole.has_sorted_indices = whole.has_canonical_format = True
    return whole
