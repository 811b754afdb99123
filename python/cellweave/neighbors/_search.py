"""Who looks for the neighbours of ``pp.neighbors``: the engine, scikit-learn, a transformer, or somebody did before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from .. import _arrays
from ..settings import logger, settings
from . import _graph
from ._knn import METRICS, knn

#: A sparse matrix that would take more than this as dense is left to scikit-learn.
_DENSE_BYTES = 2 << 30


@dataclass
class Neighborhood:
    """What a search found."""

    indices: np.ndarray
    distances: np.ndarray
    #: What obsp keeps.
    matrix: Any


@dataclass
class Search:
    """Which neighbours to look for, and who looks."""

    n_neighbors: int
    knn: bool
    transformer: Any
    metric: Any
    metric_kwds: dict[str, Any]
    random_state: Any

    def run(self, points: Any, name: str) -> Neighborhood:
        _arrays.require_finite(points, name)
        if self.transformer in ("pynndescent", "rapids"):
            return self._transformed(self._named_transformer(points.shape[0]), points)
        if self.transformer is not None and self.transformer != "sklearn":
            return self._transformed(self.transformer, points)
        reason = self._not_on_the_engine(points)
        if reason is not None:
            logger.info("neighbors: scikit-learn searches, because %s", reason)
        search = self._on_engine if reason is None else self._on_sklearn
        if not self.knn:
            return self._all_distances(search, points)
        indices, distances = search(points, self.n_neighbors)
        distances = distances.astype(self._dtype(points), copy=False)
        return Neighborhood(indices, distances, _graph.distance_graph(indices, distances))

    def _not_on_the_engine(self, points: Any) -> str | None:
        """Why the engine cannot search, or None."""
        if not isinstance(self.metric, str) or self.metric not in METRICS:
            return f"the engine has no metric {self.metric!r}, only {list(METRICS)}"
        if self.metric_kwds:
            return f"metric_kwds were given: {self.metric_kwds}"
        if _arrays.is_sparse(points) and points.shape[0] * points.shape[1] * 4 > _DENSE_BYTES:
            return f"the sparse matrix of {points.shape[0]} x {points.shape[1]} is too large to be made dense"
        return None

    def _dtype(self, points: Any) -> type:
        """Of scanpy's distances: its exact search gives float64, its approximate one float32, except for cosine."""
        n_cells = points.shape[0]
        if self.metric == "cosine" and self.transformer is None:
            return np.float64 if n_cells >= 4096 or points.dtype == np.float64 else np.float32
        is_exact = self.transformer == "sklearn" or n_cells < (8192 if self.metric == "euclidean" else 4096)
        return np.float64 if is_exact else np.float32

    def _on_engine(self, points: Any, k: int) -> tuple[np.ndarray, np.ndarray]:
        return knn(
            points,
            k,
            metric=self.metric,
            dtype=self._dtype(points),
            algorithm="exact" if self.transformer == "sklearn" else "auto",
            random_state=self.random_state,
        )

    def _on_sklearn(self, points: Any, k: int) -> tuple[np.ndarray, np.ndarray]:
        from sklearn.neighbors import NearestNeighbors

        searcher = NearestNeighbors(
            n_neighbors=k, metric=self.metric, metric_params=self.metric_kwds or None, n_jobs=settings.n_threads
        )
        distances, indices = searcher.fit(points).kneighbors(points)
        return with_self_first(indices, distances)

    def _all_distances(self, search: Callable[..., Any], points: Any) -> Neighborhood:
        n_cells = points.shape[0]
        if n_cells >= 10000:
            logger.warning("Using high n_obs without `knn=True` takes a lot of memory...")
        indices, distances = search(points, n_cells)
        matrix = np.empty((n_cells, n_cells), dtype=self._dtype(points))
        np.put_along_axis(matrix, indices, distances, axis=1)
        return Neighborhood(indices, distances, matrix)

    def _named_transformer(self, n_cells: int) -> Any:
        if self.transformer == "rapids":
            raise ValueError("transformer='rapids' is not supported. Use rapids_singlecell.pp.neighbors instead.")
        from pynndescent import PyNNDescentTransformer

        logger.info("neighbors: pynndescent searches, because transformer='pynndescent' was given")
        return PyNNDescentTransformer(
            n_neighbors=self.n_neighbors,
            metric=self.metric,
            metric_kwds=self.metric_kwds,
            random_state=self.random_state,
        )

    def _transformed(self, transformer: Any, points: Any) -> Neighborhood:
        matrix = transformer.fit_transform(points)
        return Neighborhood(*_graph.table_of_sparse(matrix, self.n_neighbors), matrix)


def with_self_first(indices: np.ndarray, distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The table with each cell in column 0; the farthest goes where a cell was not among its own neighbours."""
    itself = np.arange(len(indices))[:, None]
    is_self = indices == itself
    is_self[~is_self.any(axis=1), -1] = True
    order = np.argsort(~is_self, axis=1, kind="stable")
    indices, distances = np.take_along_axis(indices, order, axis=1), np.take_along_axis(distances, order, axis=1)
    indices[:, :1], distances[:, 0] = itself, 0
    return indices.astype(np.int32), distances


def given(distances: Any, n_neighbors: int, n_cells: int) -> Neighborhood:
    """Ready neighbours, checked."""
    if n_neighbors < 2:
        raise ValueError(f"n_neighbors must be at least 2, the cell itself included, found {n_neighbors}.")
    if isinstance(distances, tuple):
        return _checked_table(*distances, n_neighbors=n_neighbors, n_cells=n_cells)
    distances = _arrays.sound(_arrays.checked(distances, "distances"), "distances")
    if distances.shape != (n_cells, n_cells):
        raise ValueError(f"distances must be {n_cells} x {n_cells}, found {distances.shape[0]} x {distances.shape[1]}.")
    _arrays.require_finite(distances, "distances")
    if n_neighbors > n_cells:
        raise ValueError(f"n_neighbors must not exceed the number of cells, {n_cells}, found {n_neighbors}.")
    if not _arrays.is_sparse(distances):
        matrix = distances.astype(np.promote_types(distances.dtype, np.float32))
        np.fill_diagonal(matrix, 0)
        return Neighborhood(*_graph.table_of_dense(matrix, n_neighbors), matrix)
    matrix = sparse.csr_matrix(distances, copy=True)
    matrix.setdiag(0)
    matrix.eliminate_zeros()
    return Neighborhood(*_graph.table_of_sparse(matrix, n_neighbors), matrix)


def _checked_table(indices: Any, distances: Any, *, n_neighbors: int, n_cells: int) -> Neighborhood:
    indices, distances = np.asarray(indices), np.asarray(distances)
    if (
        indices.shape != distances.shape
        or indices.ndim != 2
        or len(indices) != n_cells
        or indices.shape[1] < n_neighbors
    ):
        raise ValueError(
            f"distances: two arrays of {n_cells} x {n_neighbors} were expected, "
            f"found {indices.shape} and {distances.shape}."
        )
    if indices.dtype.kind not in "iu" or indices.min() < 0 or indices.max() >= n_cells:
        raise ValueError(f"distances: the first array must hold numbers of cells, 0 to {n_cells - 1}.")
    _arrays.require_finite(distances, "distances")
    if not (indices[:, 0] == np.arange(n_cells)).all():
        raise ValueError("distances: the first neighbour of each cell must be the cell itself.")
    indices, distances = indices[:, :n_neighbors].astype(np.int32), distances[:, :n_neighbors]
    return Neighborhood(indices, distances, _graph.distance_graph(indices, distances))
