"""Assembly: data sets are moved onto one another in the planned order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import sparse

from .. import _progress
from .._core import engine
from ..settings import settings
from ._expression import Expression, expression_shifts, require_same_cells
from ._inputs import ALPHA, APPROX, KNN, SIGMA, VERBOSE, Matching, require_list, require_names
from ._matching import CellPairs, MatchTable, Pair, as_points, match, stacked_points
from ._plan import Plan, matched_rows, plan_assembly, plan_guided
from ._request import Request


def move_all(
    plan: Plan, coordinates: np.ndarray, offsets: np.ndarray, pairs: Mapping[Pair, CellPairs], matching: Matching
) -> None:
    """Carries out the plan on an embedding, in place."""
    for step in plan.steps:
        cells, references = matched_rows(step, pairs, offsets)
        ranges = [(int(offsets[s]), int(offsets[s + 1])) for s in step.moved]
        engine.move_cells(
            coordinates,
            ranges,
            cells,
            references,
            matching.sigma,
            matching.least_total,
            matching.approx,
            settings.n_threads,
        )


def plan_request(request: Request, coordinates: np.ndarray, offsets: np.ndarray) -> tuple[MatchTable, Plan]:
    """Matches, and the order of assembly."""
    if len(offsets) == 2:
        return MatchTable({}, {}), Plan(panoramas=[[0]])
    table = match(coordinates, offsets, request.matching)
    if request.verbose > 1:
        print(table.as_matrix(len(offsets) - 1))
    alpha = request.matching.alpha
    if request.order is not None:
        plan = plan_guided(request.order, table.scores, table.pairs, alpha)
    else:
        plan = plan_assembly(table.alignments(alpha), np.diff(offsets).tolist(), table.pairs)
    announce(plan, request.ds_names, request.verbose)
    return table, plan


def announce(plan: Plan, ds_names: Sequence[str] | None, verbose: bool | int) -> None:
    """Prints the alignments in use, as scanorama does while it works."""
    if not verbose:
        return
    for i, j in plan.used:
        label = f"{(i, j)}" if ds_names is None else f"{ds_names[i]} <=> {ds_names[j]}"
        print(f"Processing datasets {label}")


def _checked_alignments(alignments: Sequence[Pair], n_datasets: int) -> list[Pair]:
    checked = [(int(i), int(j)) for i, j in alignments]
    for i, j in checked:
        if not 0 <= i < n_datasets or not 0 <= j < n_datasets or i == j:
            raise ValueError(
                f"alignments holds {(i, j)}; expected two different numbers of the {n_datasets} data sets."
            )
    return checked


def _given_matches(matches: Mapping[Pair, Any], offsets: np.ndarray) -> dict[Pair, CellPairs]:
    sizes = np.diff(offsets)
    checked = {}
    for (i, j), pairs in matches.items():
        if not 0 <= i < j < len(sizes):
            raise ValueError(f"matches holds the key {(i, j)}; expected (i, j) with i < j < {len(sizes)}.")
        checked[i, j] = CellPairs.of(pairs, (int(sizes[i]), int(sizes[j])), (i, j))
    return checked


def assemble(
    datasets: list[np.ndarray],
    verbose: bool | int = VERBOSE,
    view_match: bool = False,
    knn: int = KNN,
    sigma: float = SIGMA,
    approx: bool = APPROX,
    alpha: float = ALPHA,
    expr_datasets: list[Any] | None = None,
    ds_names: Sequence[str] | None = None,
    batch_size: int | None = None,
    alignments: Sequence[Pair] | None = None,
    matches: Mapping[Pair, Any] | None = None,
) -> list[np.ndarray]:
    """Match data sets and move them onto one another, best aligned first.

    Parity: exact with ``approx=False``: same order, same coordinates (rtol 1e-5).

    Parameters
    ----------
    datasets
        Embeddings, cells x dimensions. As in scanorama the entries of this list are replaced by the moved ones
        (float64); the arrays themselves are not changed.
    verbose
        0 is silent. Otherwise prints what is aligned, and above 1 the table of scores.
    view_match
        Show every move as a scatter plot of the first two dimensions with its matches (needs matplotlib).
    knn, approx, alpha
        As `find_alignments`.
    sigma
        Larger: less smoothing; each cell follows its nearest matched cells alone.
    expr_datasets
        Expression matrices of the same cells. Entries of the list are replaced by corrected CSR matrices.
    ds_names
        Names for messages.
    batch_size
        Accepted for scanorama's sake: memory is one tile whatever it is.
    alignments, matches
        As `find_alignments` returns them, to skip the search.

    Returns
    -------
    ``datasets``.
    """
    matching = Matching.checked(knn, sigma, alpha, approx, batch_size)
    listed = require_list(datasets, "datasets")
    datasets = datasets if isinstance(datasets, list) else listed  # scanorama moves them in the caller's list
    names = require_names(ds_names, len(datasets))
    if len(datasets) == 1:
        return datasets
    coordinates, offsets = stacked_points(datasets)
    expression = None if not expr_datasets else Expression.of(expr_datasets)
    if expression is not None:
        require_same_cells(expression, offsets)
    with _progress.bars(bool(verbose)):
        if alignments is None and matches is None:
            table = match(coordinates, offsets, matching)
            if verbose > 1:
                print(table.as_matrix(len(datasets)))
            chosen, pairs = table.alignments(matching.alpha), table.pairs
        else:
            if alignments is None or matches is None:
                raise ValueError("Give both alignments and matches (as find_alignments returns them), or neither.")
            chosen, pairs = _checked_alignments(alignments, len(datasets)), _given_matches(matches, offsets)
        plan = plan_assembly(chosen, np.diff(offsets).tolist(), pairs)
        for i, j in plan.used:
            pairs.setdefault((min(i, j), max(i, j)), CellPairs(np.empty(0, np.int64), np.empty(0, np.int64)))
        announce(plan, None if ds_names is None else names, verbose)
        if view_match:
            from ._view import show_matches

            for step in plan.steps:
                show_matches(step, *matched_rows(step, pairs, offsets), coordinates, offsets, names)
        move_all(plan, coordinates, offsets, pairs, matching)
        if expression is not None:
            expression.move_all(plan, pairs, matching)
    for moved in {dataset for step in plan.steps for dataset in step.moved}:
        datasets[moved] = coordinates[offsets[moved] : offsets[moved + 1]]
    if expression is not None and expr_datasets is not None:
        expr_datasets[:] = expression.as_csr()
    return datasets


def transform(
    curr_ds: Any,
    curr_ref: Any,
    ds_ind: Sequence[int],
    ref_ind: Sequence[int],
    sigma: float = SIGMA,
    cn: bool = False,
    batch_size: int | None = None,
) -> Any:
    """The shift of every cell of ``curr_ds`` towards ``curr_ref``, from matched cells.

    Parity: exact (rtol 1e-4).

    Parameters
    ----------
    curr_ds, curr_ref
        Cells x dimensions; with ``cn`` sparse expression matrices, cells x genes.
    ds_ind, ref_ind
        Matched cells: ``ds_ind[k]`` of ``curr_ds`` matches ``ref_ind[k]`` of ``curr_ref``.
    sigma
        Larger: less smoothing.
    cn
        Return a CSR matrix.
    batch_size
        Accepted for scanorama's sake.

    Returns
    -------
    cells x dimensions: the shifts, float64. Zero where all weights vanish in double precision, and without matches.
    """
    matching = Matching.checked(KNN, sigma, ALPHA, APPROX, batch_size)
    cells = _checked_rows(ds_ind, curr_ds.shape[0], "ds_ind")
    references = _checked_rows(ref_ind, curr_ref.shape[0], "ref_ind")
    if len(cells) != len(references):
        raise ValueError(f"ds_ind has {len(cells)} entries and ref_ind {len(references)}; they are pairs.")
    if cn or sparse.issparse(curr_ds):
        shifts = expression_shifts(curr_ds, curr_ref, cells, references, matching)
        return sparse.csr_matrix(shifts) if cn else shifts
    if curr_ds.shape[1] != curr_ref.shape[1]:
        raise ValueError(f"curr_ds has {curr_ds.shape[1]} columns and curr_ref {curr_ref.shape[1]}; they must agree.")
    before = as_points(curr_ds, "curr_ds")
    both = np.concatenate([before, as_points(curr_ref, "curr_ref")])
    engine.move_cells(
        both,
        [(0, len(before))],
        cells,
        references + len(before),
        matching.sigma,
        matching.least_total,
        False,
        settings.n_threads,
    )
    return both[: len(before)] - before


def _checked_rows(given: Sequence[int], n_rows: int, name: str) -> np.ndarray:
    rows = np.asarray(given)
    if rows.size == 0:
        return np.empty(0, dtype=np.int64)
    if rows.ndim != 1 or rows.dtype.kind not in "iu":
        raise TypeError(f"{name} must be a list of row numbers, found dtype {rows.dtype}.")
    if rows.min() < 0 or rows.max() >= n_rows:
        raise ValueError(f"{name} holds row {rows.min() if rows.min() < 0 else rows.max()}; there are {n_rows} rows.")
    return np.ascontiguousarray(rows, dtype=np.int64)
