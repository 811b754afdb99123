"""Expression of the data sets during correction: sparse until a data set moves, dense float64 from then on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import sparse

from .. import _arrays
from .._core import engine
from ..settings import settings
from ._inputs import Matching
from ._matching import CellPairs, Pair
from ._plan import Plan, Step, matched_rows


class Expression:
    """One matrix of cells x genes per data set, all over the same genes."""

    def __init__(self, matrices: Sequence[Any]) -> None:
        self._matrices = list(matrices)

    @classmethod
    def of(cls, matrices: Sequence[Any]) -> Expression:
        """From what a caller gives."""
        checked = [_checked(matrix, f"expr_datasets[{i}]") for i, matrix in enumerate(matrices)]
        widths = {matrix.shape[1] for matrix in checked}
        if len(widths) > 1:
            raise ValueError(f"expr_datasets must have the same genes, found {sorted(widths)} columns.")
        return cls(checked)

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Cells and genes of every data set."""
        return [matrix.shape for matrix in self._matrices]

    def move_all(self, plan: Plan, pairs: Mapping[Pair, CellPairs], matching: Matching) -> None:
        """Carries out the plan. Beside the result it needs the old values of data sets that move a second time."""
        for step in plan.steps:
            self._move(step, pairs, matching)

    def _move(self, step: Step, pairs: Mapping[Pair, CellPairs], matching: Matching) -> None:
        order = [*step.moved, *(dataset for dataset in step.onto if dataset not in step.moved)]
        sizes = [self._matrices[dataset].shape[0] for dataset in order]
        starts = dict(zip(order, np.concatenate([[0], np.cumsum(sizes)[:-1]]).tolist(), strict=True))
        cells, references = matched_rows(step, pairs, starts)
        n_moved = sum(sizes[: len(step.moved)])
        result = _shifted([self._matrices[dataset] for dataset in order], n_moved, cells, references, matching)
        for dataset in step.moved:
            first = starts[dataset]
            self._matrices[dataset] = result[first : first + self._matrices[dataset].shape[0]]

    def as_csr(self) -> list[sparse.csr_matrix]:
        """CSR matrices (float64 where a data set moved). Each dense one is let go once converted."""
        for i, matrix in enumerate(self._matrices):
            if not sparse.issparse(matrix):
                self._matrices[i] = sparse.csr_matrix(matrix)
        return list(self._matrices)

    def as_dense(self) -> list[np.ndarray]:
        """numpy arrays."""
        return [matrix.toarray() if sparse.issparse(matrix) else matrix for matrix in self._matrices]

    def require_room(self, out: Sequence[Any] | None) -> None:
        """ValueError unless ``out`` fits."""
        if out is None:
            return
        if len(out) != len(self._matrices):
            raise ValueError(f"out holds {len(out)} arrays for {len(self._matrices)} data sets.")
        for i, (target, matrix) in enumerate(zip(out, self._matrices, strict=True)):
            if tuple(target.shape) != matrix.shape:
                raise ValueError(f"out[{i}] has shape {tuple(target.shape)}; the result has {matrix.shape}.")

    def written_to(self, out: Sequence[Any], cells_a_block: int = 4096) -> list[Any]:
        """Writes every data set into its array, block by block."""
        for target, matrix in zip(out, self._matrices, strict=True):
            for first in range(0, matrix.shape[0], cells_a_block):
                block = matrix[first : first + cells_a_block]
                target[first : first + cells_a_block] = block.toarray() if sparse.issparse(block) else block
        return list(out)


def require_same_cells(expression: Expression, offsets: np.ndarray) -> None:
    """ValueError unless expression and embedding have the same cells."""
    sizes = np.diff(offsets).tolist()
    found = [n_cells for n_cells, _ in expression.shapes]
    if found != sizes:
        raise ValueError(f"expr_datasets have {found} cells, the embeddings {sizes}; they must be the same cells.")


def _checked(matrix: Any, name: str) -> Any:
    matrix = _arrays.checked(matrix, name)
    if sparse.issparse(matrix):
        matrix = sparse.csr_matrix(_arrays.each_entry_once(matrix, name))
    _arrays.require_finite(matrix, name)
    return matrix if sparse.issparse(matrix) else np.ascontiguousarray(matrix, dtype=np.float64)


def _engine_view(matrix: Any) -> Any:
    return _arrays.compressed(matrix, "expression") if sparse.issparse(matrix) else matrix


def _shifted(
    matrices: Sequence[Any],
    n_moved: int,
    cells: np.ndarray,
    references: np.ndarray,
    matching: Matching,
    *,
    shifts_only: bool = False,
) -> np.ndarray:
    result = np.empty((n_moved, matrices[0].shape[1]))
    views = [_engine_view(matrix) for matrix in matrices]
    engine.move_expression(
        views, n_moved, cells, references, matching.sigma, matching.least_total, shifts_only, result, settings.n_threads
    )
    return result


def expression_shifts(
    moved: Any, reference: Any, cells: np.ndarray, references: np.ndarray, matching: Matching
) -> np.ndarray:
    """The shifts of the cells of one matrix towards another; dense."""
    both = Expression.of([moved, reference])
    rows = references + moved.shape[0]
    return _shifted(both._matrices, moved.shape[0], cells, rows, matching, shifts_only=True)
