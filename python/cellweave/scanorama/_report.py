"""What was aligned with what: for people to look at, and for ``uns``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ._matching import MatchTable
from ._plan import Plan


@dataclass(frozen=True)
class Report:
    """The outcome of an integration.

    Attributes
    ----------
    names
        The data sets.
    scores
        Data sets x data sets: the larger of the two shares of cells that have a match. Symmetric, 1 on the diagonal.
    alignments
        One row per alignment above ``alpha``, best first: ``first``, ``second``, ``score``, ``n_matches``, and
        ``used``: whether it moved cells (scanorama passes over a pair once both its data sets were used more than 3
        times).
    panoramas
        Groups of data sets that were joined, by name. A data set that aligned with nothing is alone.
    panorama_of
        The number of the panorama of each data set.
    pairs
        Only on request: one row per pair of matched cells, ``first``, ``first_cell``, ``second``, ``second_cell``;
        cells are numbered within their data set (of the sketches when ``sketch=True``).
    """

    names: list[str]
    scores: pd.DataFrame
    alignments: pd.DataFrame
    panoramas: list[list[str]]
    panorama_of: list[int]
    pairs: pd.DataFrame | None = None

    @classmethod
    def of(cls, table: MatchTable, plan: Plan, names: Sequence[str], alpha: float, *, with_pairs: bool) -> Report:
        """Collects it."""
        names = list(names)
        scores = table.as_matrix(len(names))
        scores = scores + scores.T + np.eye(len(names))
        used = {(min(pair), max(pair)) for pair in plan.used}
        above = sorted(set(table.alignments(alpha)) | used, key=lambda pair: -table.scores.get(pair, 0.0))
        rows = [
            (names[i], names[j], table.scores.get((i, j), 0.0), len(table.pairs[i, j].first), (i, j) in used)
            for i, j in above
        ]
        placed = {dataset for panorama in plan.panoramas for dataset in panorama}
        panoramas = plan.panoramas + [[i] for i in range(len(names)) if i not in placed]
        return cls(
            names=names,
            scores=pd.DataFrame(scores, index=names, columns=names),
            alignments=pd.DataFrame(rows, columns=["first", "second", "score", "n_matches", "used"]),
            panoramas=[[names[i] for i in panorama] for panorama in panoramas],
            panorama_of=[next(k for k, panorama in enumerate(panoramas) if i in panorama) for i in range(len(names))],
            pairs=_pair_table(table, names) if with_pairs else None,
        )

    def as_uns(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """A form that h5ad files can hold."""
        entry: dict[str, Any] = {
            "params": {key: value for key, value in parameters.items() if value is not None},
            "datasets": np.array(self.names, dtype=object),
            "panorama": np.array(self.panorama_of),
            "scores": self.scores.to_numpy(),
            "alignments": self.alignments.copy(),
        }
        entry["alignments"].index = entry["alignments"].index.astype(str)
        if self.pairs is not None:
            entry["pairs"] = self.pairs.copy()
            entry["pairs"].index = entry["pairs"].index.astype(str)
        return entry


def _pair_table(table: MatchTable, names: Sequence[str]) -> pd.DataFrame:
    parts = [
        pd.DataFrame({"first": names[i], "first_cell": cells.first, "second": names[j], "second_cell": cells.second})
        for (i, j), cells in table.pairs.items()
    ]
    columns = ["first", "first_cell", "second", "second_cell"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
