"""The parts of Scrublet (Wolock, Lopez and Klein 2019) that know only arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from . import _arrays, _principal
from ._core import engine
from .settings import logger, settings


def random_state_of(seed: Any) -> np.random.RandomState:
    """A RandomState for a seed, for None or for itself; numpy's global state is never touched."""
    if isinstance(seed, np.random.RandomState):
        return seed
    return np.random.RandomState(seed)


def distinct_pairs(n: int, n_pairs: int, random_state: np.random.RandomState) -> np.ndarray:
    """``n_pairs`` different pairs out of n x n, the very ones that scikit-learn's sample_without_replacement draws."""
    n_all = n * n
    if n_pairs > n_all:
        raise ValueError(
            f"{n_pairs} doublets asked for, but {n} cells form only {n_all} pairs: lower sim_doublet_ratio."
        )
    if 0.01 * n_all < n_pairs < 0.99 * n_all or n_pairs == n_all:
        drawn = random_state.permutation(n_all)[:n_pairs]
    else:  # draw until there are enough different numbers
        drawn = np.empty(0, dtype=np.int64)
        while drawn.size < n_pairs:
            drawn = np.concatenate([drawn, random_state.randint(n_all, size=n_pairs - drawn.size)])
            first = np.unique(drawn, return_index=True)[1]
            drawn = drawn[np.sort(first)]
    return np.vstack(np.unravel_index(drawn, (n, n))).T


def simulated_counts(
    counts: sparse.csr_matrix, parents: np.ndarray, rate: float, random_state: np.random.RandomState
) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Counts and totals of the doublets whose parents are given, thinned to ``rate`` by binomial draws."""
    totals = np.asarray(counts.sum(axis=1)).ravel()
    totals = totals[parents[:, 0]] + totals[parents[:, 1]]
    if rate >= 1:
        return counts[parents[:, 0]] + counts[parents[:, 1]], totals
    by_gene = counts.tocsc()
    by_gene = by_gene[parents[:, 0]] + by_gene[parents[:, 1]]  # entries in the order in which the original draws
    by_gene.data = random_state.binomial(np.round(by_gene.data).astype(int), rate)
    kept = np.asarray(by_gene.sum(axis=1)).ravel()
    unseen = np.round(totals - kept).astype(int)
    return by_gene.tocsr(), kept + random_state.binomial(unseen, rate)


def embed(
    observed: Any, simulated: Any, n_comps: int, *, mean_center: bool, normalize_variance: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates of observed and simulated cells on the components of the observed ones, in float64."""
    observed, simulated = _in_double(observed), _in_double(simulated)
    shorter = min(observed.shape)
    if not 1 <= n_comps < shorter:
        raise ValueError(
            f"n_prin_comps={n_comps} must lie between 1 and {shorter - 1}, for {shorter} cells or genes are left."
        )
    view, other = _arrays.csr(observed), _arrays.csr(simulated)
    mean, deviation = _principal.gene_scale(view, observed.shape[0])
    mean = mean if mean_center else np.zeros_like(mean)
    deviation = deviation if normalize_variance else np.ones_like(deviation)
    n_threads = settings.n_threads

    def scaled(matrix: sparse.csr_matrix, of: Any) -> Any:
        entries, _ = engine.scale_implicitly(of, mean, deviation, np.inf, n_threads)
        return _arrays.csr(sparse.csr_matrix((entries, matrix.indices, matrix.indptr), shape=matrix.shape))

    view, other = scaled(observed, view), scaled(simulated, other)
    shift = engine.column_means(view, n_threads) if mean_center else np.empty(0)
    coordinates, loadings, *_ = engine.pca(view, shift, n_comps, n_threads)
    return coordinates, engine.project(other, shift, loadings, n_threads)


def _in_double(matrix: Any) -> sparse.csr_matrix:
    """``matrix`` as CSR in float64 with every entry once; the caller's arrays stay as they are."""
    return _arrays.each_entry_once(sparse.csr_matrix(_arrays.sound(matrix), dtype=np.float64))


def nearest(coordinates: np.ndarray, k: int, metric: Any) -> np.ndarray:
    """Indices of the ``k`` nearest cells, each cell itself among them; or of the ``k - 1`` others, if there are twins.

    scanpy drops the first neighbour of each cell, taking it for the cell, and puts the cell back unless some cell is
    now first among its own neighbours. Where cells coincide (as a cell and its doublet with itself do: there are two
    such pairs on average) that depends on rounding, and is the likelier outcome. The scores of simulated doublets, and
    with them the threshold, hang on it: here any such pair takes all cells out of their own neighbours.
    """
    from .neighbors._knn import METRICS, knn

    k = min(k, coordinates.shape[0])
    if metric in METRICS:
        neighbors, distances = knn(coordinates, k, metric=metric, dtype=np.float64)
    else:
        from sklearn.neighbors import NearestNeighbors

        logger.info("knn_dist_metric=%r is searched by scikit-learn; the engine knows %s", metric, list(METRICS))
        search = NearestNeighbors(n_neighbors=k, metric=metric).fit(coordinates)
        distances, neighbors = search.kneighbors(coordinates)
    if k < 2:
        return neighbors
    itself = neighbors == np.arange(coordinates.shape[0])[:, None]
    itself[~itself.any(axis=1), -1] = True  # crowded out by twins
    others = neighbors[~itself].reshape(-1, k - 1)
    nearest_other = np.where(itself[:, 0], distances[:, 1], distances[:, 0])
    has_twins = bool((nearest_other <= 1e-7 * np.median(distances[:, -1])).any())
    if has_twins:
        return others
    return np.hstack([np.arange(coordinates.shape[0])[:, None], others])


def doublet_likelihood(n_simulated_neighbors: np.ndarray, k: int, ratio: float, expected_rate: float) -> np.ndarray:
    """The posterior of being a doublet, from how many of ``k`` neighbours are simulated (equation 1 of the paper)."""
    q = (n_simulated_neighbors + 1.0) / (k + 2.0)
    return q * expected_rate / ratio / (1 - expected_rate - q * (1 - expected_rate - expected_rate / ratio))


def threshold_between_modes(scores: np.ndarray, n_bins: int = 256, max_rounds: int = 10_000) -> float | None:
    """The lowest point between the two modes of a histogram, smoothed until there are no more than two.

    Prewitt and Mendelsohn (1966), as scikit-image's threshold_minimum. ``None`` if there are not two modes.
    """
    from scipy import ndimage  # slow to import, and wanted here alone

    if not np.isfinite(scores).all() or scores.size == 0:
        return None
    counts, edges = np.histogram(scores, bins=n_bins)
    centers = (edges[:-1] + edges[1:]) / 2
    smooth = counts.astype(np.float32)
    for _ in range(max_rounds):
        smooth = ndimage.uniform_filter1d(smooth, 3)
        peaks = _local_maxima(smooth)
        if len(peaks) < 3:
            break
    else:
        return None
    if len(peaks) != 2:
        return None
    first, second = peaks
    return centers[first + int(np.argmin(smooth[first : second + 1]))]


def _local_maxima(histogram: np.ndarray) -> list[int]:
    """Last positions of rises (plateaus included) that a fall follows."""
    steps = np.sign(np.diff(histogram))
    moving = np.flatnonzero(steps)
    rises = steps[moving] > 0
    # The histogram counts as rising before its first bin.
    was_rising = np.concatenate([[True], rises[:-1]])
    return [int(step) for step in moving[was_rising & ~rises]]
