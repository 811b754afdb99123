"""From tables of neighbours to the sparse graphs that AnnData keeps, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from .._core import engine
from ..settings import settings


def distance_graph(indices: np.ndarray, distances: np.ndarray) -> sparse.csr_matrix:
    """CSR of the neighbours besides the cell itself, each row from the nearest to the farthest, as scanpy keeps it."""
    n, k = indices.shape
    indptr = np.arange(0, n * (k - 1) + 1, k - 1)
    return sparse.csr_matrix((distances[:, 1:].ravel(), indices[:, 1:].ravel(), indptr), shape=(n, n))


def _as_matrix(graph: tuple[np.ndarray, np.ndarray, np.ndarray]) -> sparse.csr_matrix:
    n = graph[2].size - 1
    matrix = sparse.csr_matrix(graph, shape=(n, n))
    matrix.has_sorted_indices = True
    return matrix


def fuzzy_union(
    indices: np.ndarray,
    distances: np.ndarray,
    *,
    n_neighbors: float | None = None,
    local_connectivity: float = 1.0,
    set_op_mix_ratio: float = 1.0,
) -> sparse.csr_matrix:
    """UMAP's connectivities of a table whose first column is the cell itself (float32, symmetric)."""
    return _as_matrix(
        engine.fuzzy_union(
            np.ascontiguousarray(indices, dtype=np.int32),
            np.ascontiguousarray(distances, dtype=np.float32),
            float(indices.shape[1] if n_neighbors is None else n_neighbors),
            float(local_connectivity),
            float(set_op_mix_ratio),
            settings.n_threads,
        )
    )


def _real(distances: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(distances, dtype=np.float32 if distances.dtype == np.float32 else np.float64)


def gauss(indices: np.ndarray, distances: np.ndarray) -> sparse.csr_matrix:
    """Gaussian connectivities of a table whose first column is the cell itself."""
    others = np.ascontiguousarray(indices[:, 1:], dtype=np.int32)
    return _as_matrix(engine.gauss_graph(others, _real(distances[:, 1:]), settings.n_threads))


def gauss_dense(distances: np.ndarray, n_neighbors: int) -> np.ndarray:
    """Gaussian connectivities between all cells."""
    return engine.gauss_dense(_real(distances), n_neighbors, settings.n_threads)


def jaccard(indices: np.ndarray) -> sparse.csr_matrix:
    """PhenoGraph's connectivities of a table whose first column is the cell itself."""
    return _as_matrix(engine.jaccard_graph(np.ascontiguousarray(indices[:, 1:], dtype=np.int32), settings.n_threads))


def table_of_sparse(graph: Any, n_neighbors: int) -> tuple[np.ndarray, np.ndarray]:
    """The ``n_neighbors`` nearest cells of each row of a sparse distance matrix, the cell itself first.

    Stored zeros count as distances of zero. Rows with fewer entries are refused.
    """
    graph = graph.tocsr()
    n = graph.shape[0]
    n_others = np.diff(graph.indptr) - np.bincount(
        np.repeat(np.arange(n), np.diff(graph.indptr))[graph.indices == np.repeat(np.arange(n), np.diff(graph.indptr))],
        minlength=n,
    )
    if n_others.min(initial=n_neighbors) < n_neighbors - 1:
        raise ValueError(
            f"The distances hold {n_others.min()} neighbour(s) for cell {int(n_others.argmin())}, but "
            f"n_neighbors={n_neighbors} needs {n_neighbors - 1}. Lower n_neighbors or search for more neighbours."
        )
    indices = np.empty((n, n_neighbors), dtype=np.int32)
    distances = np.zeros((n, n_neighbors), dtype=graph.dtype)
    indices[:, 0] = np.arange(n)
    rows = np.repeat(np.arange(n), np.diff(graph.indptr))
    keep = graph.indices != rows
    rows, columns, values = rows[keep], graph.indices[keep], graph.data[keep]
    order = np.lexsort((columns, values, rows))
    starts = np.concatenate([[0], np.cumsum(n_others)[:-1]])
    nearest = order[starts[:, None] + np.arange(n_neighbors - 1)]
    indices[:, 1:], distances[:, 1:] = columns[nearest], values[nearest]
    return indices, distances


def table_of_dense(distances: np.ndarray, n_neighbors: int) -> tuple[np.ndarray, np.ndarray]:
    """The same from a dense matrix of all distances."""
    others = distances.copy()
    np.fill_diagonal(others, -1)
    indices = np.argsort(others, axis=1, kind="stable")[:, :n_neighbors]
    nearest = np.take_along_axis(distances, indices, axis=1)
    nearest[:, 0] = 0
    return indices.astype(np.int32), nearest
