"""Mutual nearest neighbours between data sets, and which data sets align."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from .. import _arrays, _progress
from .._core import engine
from ..settings import settings
from ._inputs import ALPHA, APPROX, KNN, SIGMA, VERBOSE, Matching, require_list

Pair = tuple[int, int]


@dataclass(frozen=True)
class CellPairs:
    """Matched cells of two data sets, numbered within each."""

    first: np.ndarray
    second: np.ndarray

    def as_set(self) -> set[Pair]:
        """scanorama's form."""
        return set(zip(self.first.tolist(), self.second.tolist(), strict=True))

    @classmethod
    def of(cls, pairs: Any, sizes: tuple[int, int], key: Pair) -> CellPairs:
        """From scanorama's set of tuples, sorted; indices are checked."""
        if isinstance(pairs, cls):
            return pairs
        table = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)
        for column, size in zip(table.T, sizes, strict=True):
            if len(column) and (column.min() < 0 or column.max() >= size):
                raise ValueError(f"matches[{key}] names a cell outside its data set of {size} cells.")
        return cls(np.ascontiguousarray(table[:, 0]), np.ascontiguousarray(table[:, 1]))


@dataclass(frozen=True)
class MatchTable:
    """Scores and matched cells of every two data sets that have neighbours in one another."""

    scores: dict[Pair, float]
    pairs: dict[Pair, CellPairs]

    def alignments(self, alpha: float) -> list[Pair]:
        """Pairs of data sets with a score above ``alpha``, best first; of equal scores the later pair first."""
        by_score = sorted(self.scores.items(), key=lambda entry: entry[1])
        return [pair for pair, score in reversed(by_score) if score > alpha]

    def as_matrix(self, n_datasets: int) -> np.ndarray:
        """Scores above the diagonal, as scanorama prints them."""
        matrix = np.zeros((n_datasets, n_datasets))
        for (i, j), score in self.scores.items():
            matrix[i, j] = score
        return matrix


def as_points(dataset: Any, name: str) -> np.ndarray:
    """One embedding as a C-contiguous float64 array, checked; itself where it already is one."""
    dataset = _arrays.checked(dataset, name)
    if sparse.issparse(dataset):
        dataset = _arrays.sound(dataset, name).toarray()
    if dataset.shape[0] == 0 or dataset.shape[1] == 0:
        raise ValueError(f"{name} has {dataset.shape[0]} cells and {dataset.shape[1]} dimensions; leave it out.")
    _arrays.require_finite(dataset, name)
    return np.ascontiguousarray(dataset, dtype=np.float64)


def stacked_points(datasets: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
    """All embeddings below one another (a copy), and where each begins."""
    points = [as_points(dataset, f"datasets[{i}]") for i, dataset in enumerate(require_list(datasets, "datasets"))]
    widths = {p.shape[1] for p in points}
    if len(widths) > 1:
        raise ValueError(f"datasets must have the same number of dimensions, found {sorted(widths)}.")
    offsets = np.concatenate([[0], np.cumsum([len(p) for p in points])]).astype(np.int64)
    return np.concatenate(points), offsets


def match(points: np.ndarray, offsets: np.ndarray, matching: Matching, *, prenormalized: bool = False) -> MatchTable:
    """Mutual nearest neighbours of all data sets."""
    if not prenormalized:
        points = engine.unit_rows(points, settings.n_threads)
    sizes = np.diff(offsets)
    table = MatchTable({}, {})
    for i, j, n_first, n_second, first, second in engine.mutual_matches(
        points, offsets, matching.knn, matching.approx, settings.n_threads
    ):
        table.scores[i, j] = max(n_first / int(sizes[i]), n_second / int(sizes[j]))
        table.pairs[i, j] = CellPairs(first, second)
    return table


def find_alignments(
    datasets: Sequence[np.ndarray],
    knn: int = KNN,
    approx: bool = APPROX,
    verbose: bool | int = VERBOSE,
    alpha: float = ALPHA,
    prenormalized: bool = False,
) -> tuple[list[Pair], dict[Pair, set[Pair]]]:
    """Find which data sets align, and their matched cells.

    A cell is searched for in all earlier data sets together and in all later ones together, by Manhattan distance
    between embeddings of length one. Two cells that find each other match.

    Parity: exact with ``approx=False`` (ties of distance go to the cell that comes first).

    Parameters
    ----------
    datasets
        Embeddings, cells x dimensions.
    knn
        Neighbours of a cell. Where there are fewer cells, all of them.
    approx
        Rank only candidates that are close by rounded distances; about one match in a thousand differs.
    verbose
        Above 1: print the table of scores.
    alpha
        Least score: the larger of the two shares of cells that have a match.
    prenormalized
        The embeddings already have length one.

    Returns
    -------
    alignments
        Pairs of data sets, best first.
    matches
        For every pair of data sets the set of pairs of matched cells.
    """
    matching = Matching.checked(knn, SIGMA, alpha, approx, None)
    points, offsets = stacked_points(datasets)
    with _progress.bars(bool(verbose)):
        table = match(points, offsets, matching, prenormalized=prenormalized)
    if verbose > 1:
        print(table.as_matrix(len(datasets)))
    return table.alignments(matching.alpha), {pair: cells.as_set() for pair, cells in table.pairs.items()}


def connected(alignments: Iterable[Pair], n_datasets: int) -> list[list[int]]:
    """Data sets joined by alignments, in the order in which scanorama joins them; the others alone."""
    panoramas: list[list[int]] = []
    for i, j in alignments:
        with_i = next((p for p in panoramas if i in p), None)
        with_j = next((p for p in panoramas if j in p), None)
        if with_i is None:
            if with_j is None:
                panoramas.append([i, j])
            else:
                with_j.append(i)
        elif with_j is None:
            with_i.append(j)
        elif with_i is not with_j:
            with_i += with_j
            panoramas = [p for p in panoramas if p is not with_j]
    placed = {dataset for panorama in panoramas for dataset in panorama}
    return panoramas + [[i] for i in range(n_datasets) if i not in placed]


def connect(
    datasets: Sequence[np.ndarray],
    knn: int = KNN,
    approx: bool = APPROX,
    alpha: float = ALPHA,
    verbose: bool | int = VERBOSE,
) -> list[list[int]]:
    """Find the panoramas: groups of data sets that align, as lists of their numbers.

    Parity: exact with ``approx=False``. Parameters as :func:`find_alignments`.
    """
    alignments, _ = find_alignments(datasets, knn=knn, approx=approx, alpha=alpha, verbose=verbose)
    if verbose:
        print(alignments)
    return connected(alignments, len(datasets))
