"""The search itself: which metrics the engine knows, and the call."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _arrays, _checks
from .._core import engine
from .._progress import bars
from ..settings import settings

#: The engine's metrics under all their usual names.
METRICS = {
    "euclidean": engine.Metric.euclidean,
    "l2": engine.Metric.euclidean,
    "manhattan": engine.Metric.manhattan,
    "cityblock": engine.Metric.manhattan,
    "l1": engine.Metric.manhattan,
    "cosine": engine.Metric.cosine,
    "correlation": engine.Metric.correlation,
}


#: Points up to which the search is exact unless told otherwise. On 50 dimensions the approximate search is the quicker
#: one from about 10,000 points on, but until here the exact one takes a fraction of a second.
EXACT_UP_TO = 20_000


def knn(
    X: Any,
    k: int,
    *,
    queries: Any = None,
    metric: str = "euclidean",
    dtype: Any = np.float32,
    algorithm: str = "auto",
    random_state: Any = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """The ``k`` nearest rows of ``X`` for every row of ``queries``.

    Parity: exact up to ``EXACT_UP_TO`` points (scikit-learn's brute force in float64, ties to the lower index); above
    it same quality: recall at least 0.99, distances exact, the same result at every thread count. How far the search
    must look for that is measured on 768 of the queries.

    Parameters
    ----------
    X
        Points x dimensions, float32 or float64, finite. A sparse matrix is made dense.
    k
        Neighbours to find, up to the number of points; several thousand are fine.
    queries
        Points to search for. ``None``: those of ``X``; each is then its own neighbour 0, at distance 0.
    metric
        ``'euclidean'`` (``'l2'``), ``'manhattan'`` (``'cityblock'``, ``'l1'``), ``'cosine'`` or ``'correlation'``. For
        the last two a row without direction (all zeros; constant) is at distance 1 from every other row.
    dtype
        Of the distances: float32 or float64. They are computed in float64.
    algorithm
        ``'exact'``, ``'approximate'`` (inverted lists on k-means, Jégou, Douze and Schmid 2011), or ``'auto'``: exact
        up to ``EXACT_UP_TO`` points, for few queries, and for ``k`` above a fiftieth of the points.
    random_state
        Seed of the approximate search, if it is a whole number; anything else counts as 0.

    Returns
    -------
    indices
        int32, queries x ``k``, from the nearest to the farthest.
    distances
        Of those, in the units of ``X``.

    Raises
    ------
    ValueError
        Unknown metric, ``k`` out of range, different numbers of dimensions, NaN or infinite values.
    """
    if metric not in METRICS:
        raise ValueError(f"metric must be one of {list(METRICS)}, found {metric!r}.")
    points = _arrays.coordinates(X, "X")
    k = _checks.whole(k, "k", at_least=1)
    if k > points.shape[0]:
        raise ValueError(f"k must not exceed the number of points, {points.shape[0]}, found {k}.")
    if queries is not None:
        queries = _arrays.coordinates(queries, "queries")
        if queries.shape[1] != points.shape[1]:
            raise ValueError(f"queries have {queries.shape[1]} dimensions, X has {points.shape[1]}.")
        common = np.result_type(points, queries)
        points, queries = points.astype(common, copy=False), queries.astype(common, copy=False)
    single_precision = np.dtype(dtype) == np.float32
    if not single_precision and np.dtype(dtype) != np.float64:
        raise TypeError(f"dtype must be float32 or float64, found {dtype!r}.")
    if algorithm not in ("auto", "exact", "approximate"):
        raise ValueError(f"algorithm must be 'auto', 'exact' or 'approximate', found {algorithm!r}.")
    if algorithm == "auto":
        algorithm = _affordable(len(points), len(points if queries is None else queries), k)
    seed = random_state if isinstance(random_state, int | np.integer) and random_state >= 0 else 0
    with bars(settings.verbosity >= 2):
        if algorithm == "exact":
            found = engine.exact_neighbors(points, queries, k, METRICS[metric], single_precision, settings.n_threads)
        else:
            found = engine.approximate_neighbors(
                points, queries, k, METRICS[metric], seed, single_precision, settings.n_threads
            )
    if not np.isfinite(found[1]).all():
        raise ValueError("X: distances leave the range of the numbers they are computed in. Scale the points down.")
    return found


def _affordable(n_points: int, n_queries: int, k: int) -> str:
    """The exact search where it takes a fraction of a second, or where the approximate one would visit most points."""
    is_small = n_points * n_queries <= EXACT_UP_TO**2
    is_wide = n_points <= EXACT_UP_TO // 4 or 50 * k > n_points
    return "exact" if is_small or is_wide else "approximate"
