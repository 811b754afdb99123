"""Integration by sketches: a sample of each data set is integrated, and every cell follows the sketch cells near it."""

from __future__ import annotations

import numpy as np

from .._core import engine
from ..settings import settings
from ._assembly import move_all, plan_request
from ._matching import MatchTable
from ._plan import Plan
from ._request import Request

#: Fixed in scanorama, whatever sigma is.
SKETCH_SIGMA = 15.0
NEIGHBORS_OF_A_SKETCH_CELL = 3


def draw_sketch(points: np.ndarray, size: int, method: str, rng: np.random.RandomState) -> np.ndarray:
    """Sorted distinct cells of one data set: all of them where there are no more than ``size``."""
    if len(points) <= size:
        return np.arange(len(points))
    from .. import geosketch

    sample = geosketch.uniform if method == "uniform" else geosketch.gs
    return np.unique(np.asarray(sample(points, size, replace=False, seed=rng), dtype=np.int64))


def integrate_sketches(
    coordinates: np.ndarray,
    offsets: np.ndarray,
    method: str,
    size: int,
    rng: np.random.RandomState,
    request: Request,
) -> tuple[np.ndarray, MatchTable, Plan]:
    """Integrated coordinates of all cells, and what was found between the sketches."""
    n_sets = len(offsets) - 1
    sketches = [draw_sketch(coordinates[offsets[i] : offsets[i + 1]], size, method, rng) for i in range(n_sets)]
    rows = np.concatenate([sketch + offsets[i] for i, sketch in enumerate(sketches)])
    sketch_offsets = np.concatenate([[0], np.cumsum([len(sketch) for sketch in sketches])]).astype(np.int64)
    sketched = coordinates[rows]
    moved = sketched.copy()
    table, plan = plan_request(request, moved, sketch_offsets)
    move_all(plan, moved, sketch_offsets, table.pairs, request.matching)
    result = np.empty_like(coordinates)
    for i in range(n_sets):
        of_set = slice(offsets[i], offsets[i + 1])
        of_sketch = slice(sketch_offsets[i], sketch_offsets[i + 1])
        result[of_set] = follow(
            coordinates[of_set], sketched[of_sketch], moved[of_sketch], approx=request.matching.approx
        )
    return result, table, plan


def follow(points: np.ndarray, sketch: np.ndarray, moved: np.ndarray, *, approx: bool) -> np.ndarray:
    """Every cell shifted towards the moved sketch: each sketch cell pulls the three cells nearest to where it was."""
    n_neighbors = min(NEIGHBORS_OF_A_SKETCH_CELL, len(points))
    nearest = engine.nearest_rows(sketch, points, n_neighbors, settings.n_threads)
    both = np.concatenate([points, moved])
    references = np.repeat(np.arange(len(moved)), n_neighbors) + len(points)
    ranges = [(0, len(points))]
    engine.move_cells(both, ranges, nearest.reshape(-1), references, SKETCH_SIGMA, 0.0, approx, settings.n_threads)
    return both[: len(points)]
