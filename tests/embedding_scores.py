"""How well a layout keeps the neighbourhoods and labels of its data; the definitions, for tests and benchmarks."""

from __future__ import annotations

import numpy as np


def _neighbor_lists(points: np.ndarray, cells: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest points of some cells (themselves left out), and all squared distances."""
    points = np.asarray(points, dtype=np.float64)
    squared = (points**2).sum(axis=1)
    distances = squared[cells, None] + squared[None] - 2 * points[cells] @ points.T
    distances[np.arange(len(cells)), cells] = np.inf
    return np.argpartition(distances, k, axis=1)[:, :k], distances


def scores(data: np.ndarray, layout: np.ndarray, labels=None, *, k: int = 15, n_cells: int = 2000) -> dict[str, float]:
    """Trustworthiness (Venna and Kaski 2001) and share of neighbours kept at ``k``, and the silhouette of ``labels``.

    On ``n_cells`` cells drawn with a fixed seed, against all cells; the silhouette on 4,000 with a known label.
    """
    n = len(data)
    cells = np.random.RandomState(1).permutation(n)[:n_cells]
    near, distances = _neighbor_lists(data, cells, k)
    near_in_layout, _ = _neighbor_lists(layout, cells, k)
    kept = penalty = 0
    for row in range(len(cells)):
        intruders = np.setdiff1d(near_in_layout[row], near[row])
        kept += k - len(intruders)
        ranks = np.searchsorted(np.sort(distances[row]), distances[row, intruders]) + 1
        penalty += (ranks - k).sum()
    result = {
        "trustworthiness": 1 - 2 * penalty / (len(cells) * k * (2 * n - 3 * k - 1)),
        "neighbors_kept": kept / (len(cells) * k),
    }
    if labels is not None:
        from sklearn.metrics import silhouette_score

        labels = np.asarray(labels.astype(str))
        known = np.flatnonzero(~np.isin(labels, ["unknown", "NA"]))
        known = np.random.RandomState(2).permutation(known)[:4000]
        result["silhouette"] = silhouette_score(layout[known], labels[known])
    return result
