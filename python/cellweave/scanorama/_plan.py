"""The order of assembly. It depends on scores and sizes only, so it is planned before any cell moves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ._matching import CellPairs, Pair

#: A pair is passed over once both its data sets have been considered more often than this.
MOST_USES = 3


@dataclass(frozen=True)
class Step:
    """One move: data sets that move together, those they move onto, and the pairs of sets whose matches pull."""

    moved: tuple[int, ...]
    onto: tuple[int, ...]
    pulls: tuple[Pair, ...]


def matched_rows(
    step: Step, pairs: Mapping[Pair, CellPairs], offsets: np.ndarray | Mapping[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers (of all data sets below one another) of the moved cells of all pulls, and of their references."""
    cells, references = [], []
    for moved, reference in step.pulls:
        found = pairs[min(moved, reference), max(moved, reference)]
        of_moved, of_reference = (found.first, found.second) if moved < reference else (found.second, found.first)
        cells.append(of_moved + offsets[moved])
        references.append(of_reference + offsets[reference])
    if not cells:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    return np.concatenate(cells), np.concatenate(references)


@dataclass
class Plan:
    """The moves in order, the alignments that caused them, and the resulting groups of data sets."""

    steps: list[Step] = field(default_factory=list)
    used: list[Pair] = field(default_factory=list)
    panoramas: list[list[int]] = field(default_factory=list)

    def panorama_of(self, dataset: int) -> list[int] | None:
        """The panorama that holds ``dataset``."""
        return next((panorama for panorama in self.panoramas if dataset in panorama), None)

    def add_loose(self, dataset: int, panorama: list[int], has_matches: Mapping[Pair, object]) -> None:
        """Moves a data set onto a panorama, by its matches to all members."""
        pulls = tuple((dataset, p) for p in panorama if (min(dataset, p), max(dataset, p)) in has_matches)
        self.steps.append(Step((dataset,), tuple(panorama), pulls))
        panorama.append(dataset)

    def add_merge(self, i: int, j: int, first: list[int], second: list[int]) -> None:
        """Moves the panorama of ``i`` onto that of ``j``, by the matches between these two alone."""
        self.steps.append(Step(tuple(first), tuple(second), ((i, j),)))
        if first is not second:
            first += second
            self.panoramas = [panorama for panorama in self.panoramas if panorama is not second]


def plan_assembly(alignments: Sequence[Pair], sizes: Sequence[int], matches: Mapping[Pair, object]) -> Plan:
    """scanorama's order: best score first."""
    plan = Plan()
    uses: Counter[int] = Counter()
    for i, j in alignments:
        uses.update((i, j))
        if uses[i] > MOST_USES and uses[j] > MOST_USES:
            continue
        plan.used.append((i, j))
        with_i, with_j = plan.panorama_of(i), plan.panorama_of(j)
        if with_i is None and with_j is None:
            if sizes[i] < sizes[j]:
                i, j = j, i
            with_i = [i]
            plan.panoramas.append(with_i)
        if with_i is None and with_j is not None:
            plan.add_loose(i, with_j, matches)
        elif with_i is not None and with_j is None:
            plan.add_loose(j, with_i, matches)
        elif with_i is not None and with_j is not None:
            plan.add_merge(i, j, with_i, with_j)
    return plan


def plan_guided(
    order: Sequence[int], scores: Mapping[Pair, float], matches: Mapping[Pair, object], alpha: float
) -> Plan:
    """The caller's order: the first data set stays, each next one moves onto the panorama it scores best with.

    A data set whose scores with all earlier ones are at most ``alpha`` starts a panorama of its own.
    """
    plan = Plan()
    for position, dataset in enumerate(order):
        pairs = [(min(dataset, other), max(dataset, other)) for other in order[:position]]
        best = max(pairs, key=lambda pair: scores.get(pair, 0.0), default=None)
        if best is None or scores.get(best, 0.0) <= alpha:
            plan.panoramas.append([dataset])
            continue
        plan.used.append(best)
        other = best[0] if best[1] == dataset else best[1]
        panorama = plan.panorama_of(other)
        assert panorama is not None  # every earlier data set has one
        plan.add_loose(dataset, panorama, matches)
    return plan
