"""A picture of one move, for ``assemble(view_match=True)``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ._plan import Step


def show_matches(
    step: Step,
    cells: np.ndarray,
    references: np.ndarray,
    coordinates: np.ndarray,
    offsets: np.ndarray,
    names: Sequence[str],
    most_lines: int = 2000,
) -> None:
    """Scatter plots of the first two dimensions, the moved cells raised above their reference, joined by matches."""
    import matplotlib.pyplot as plt

    height = np.ptp(coordinates[:, 1]) if coordinates.shape[1] > 1 else 1.0

    def place(rows: np.ndarray, lift: float) -> tuple[np.ndarray, np.ndarray]:
        return coordinates[rows, 0], coordinates[rows, min(1, coordinates.shape[1] - 1)] + lift

    _, axes = plt.subplots()
    for datasets, lift in ((step.moved, 1.5 * height), (step.onto, 0.0)):
        rows = np.concatenate([np.arange(offsets[d], offsets[d + 1]) for d in datasets])
        axes.scatter(*place(rows, lift), s=2, label=", ".join(names[d] for d in datasets))
    shown = np.linspace(0, max(len(cells) - 1, 0), min(len(cells), most_lines)).astype(int)
    from_x, from_y = place(cells[shown], 1.5 * height)
    to_x, to_y = place(references[shown], 0.0)
    axes.plot(np.stack([from_x, to_x]), np.stack([from_y, to_y]), color="tab:blue", alpha=0.1, linewidth=0.5)
    axes.legend(title="moved, reference")
    plt.show()
