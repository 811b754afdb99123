"""The search as scikit-learn, scanpy (``transformer=``) and umap-learn take it."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from scipy import sparse

from .. import _checks
from ._knn import knn


class KNNTransformer:
    """k-nearest-neighbour graph, with the interface of :class:`sklearn.neighbors.KNeighborsTransformer`.

    scikit-learn is not needed to use it. Attributes after :meth:`fit`: ``n_samples_fit_``, ``n_features_in_``.

    Parameters
    ----------
    n_neighbors
        Neighbours per point, besides the point itself.
    metric, algorithm, random_state
        See :func:`cellweave.neighbors.knn`.

    Examples
    --------
    >>> sc.pp.neighbors(adata, transformer=KNNTransformer(n_neighbors=15))  # doctest: +SKIP
    >>> distances, indices = KNNTransformer().fit(X).kneighbors(X)  # doctest: +SKIP
    >>> umap.UMAP(n_neighbors=15, precomputed_knn=(indices, distances, None)).fit_transform(X)  # doctest: +SKIP
    """

    def __init__(
        self, n_neighbors: int = 15, *, metric: str = "euclidean", algorithm: str = "auto", random_state: Any = 0
    ) -> None:
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.algorithm = algorithm
        self.random_state = random_state

    @classmethod
    def _parameter_names(cls) -> list[str]:
        return [name for name in inspect.signature(cls.__init__).parameters if name != "self"]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's arguments."""
        return {name: getattr(self, name) for name in self._parameter_names()}

    def set_params(self, **params: Any) -> KNNTransformer:
        """Changes constructor arguments."""
        for name, value in params.items():
            if name not in self._parameter_names():
                raise ValueError(f"KNNTransformer has no parameter {name!r}; it has {self._parameter_names()}.")
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        return f"KNNTransformer({', '.join(f'{k}={v!r}' for k, v in self.get_params().items())})"

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_points")

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, Tags, TargetTags, TransformerTags

        return Tags(
            estimator_type="transformer",
            target_tags=TargetTags(required=False),
            transformer_tags=TransformerTags(),
            input_tags=InputTags(sparse=True),
        )

    def fit(self, X: Any, y: None = None) -> KNNTransformer:
        """Takes the points in which to search."""
        _checks.whole(self.n_neighbors, "n_neighbors", at_least=1)
        self._points = X if hasattr(X, "shape") else np.asarray(X)
        self.n_samples_fit_, self.n_features_in_ = self._points.shape
        return self

    def kneighbors(
        self, X: Any = None, n_neighbors: int | None = None, return_distance: bool = True
    ) -> tuple[np.ndarray, np.ndarray] | np.ndarray:
        """``(distances, indices)`` of the neighbours of ``X``.

        As in scikit-learn a point of the fitted set is no neighbour of its own if ``X`` is ``None``.
        """
        wanted = self.n_neighbors if n_neighbors is None else n_neighbors
        if X is None:
            indices, distances = self._search(self._fitted(), wanted + 1)
            indices, distances = indices[:, 1:], distances[:, 1:]
        else:
            indices, distances = self._search(X, wanted)
        return (distances, indices) if return_distance else indices

    def transform(self, X: Any) -> sparse.csr_matrix:
        """CSR matrix of distances, ``n_neighbors + 1`` a row as scikit-learn's has; a fitted point counts itself.

        Entries of a row go from the nearest to the farthest.
        """
        indices, distances = self._search(X, self.n_neighbors + 1)
        indptr = np.arange(0, indices.size + 1, indices.shape[1])
        return sparse.csr_matrix(
            (distances.ravel(), indices.ravel(), indptr), shape=(len(indices), self.n_samples_fit_)
        )

    def fit_transform(self, X: Any, y: None = None) -> sparse.csr_matrix:
        """Fits, and searches for the same points."""
        return self.fit(X).transform(X)

    def _fitted(self) -> Any:
        if not self.__sklearn_is_fitted__():
            raise ValueError("This KNNTransformer is not fitted. Call fit first.")
        return self._points

    def _search(self, X: Any, k: int) -> tuple[np.ndarray, np.ndarray]:
        points = self._fitted()
        queries = None if X is points else X
        return knn(
            points,
            k,
            queries=queries,
            metric=self.metric,
            algorithm=self.algorithm,
            random_state=self.random_state,
        )
