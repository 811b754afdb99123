"""Pictures of before and after, drawn by scanpy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from anndata import AnnData


def draw(adata: AnnData, columns: dict[str, tuple[str, str]], folder: Path) -> list[Path]:
    """Writes ``before_after.png`` and ``alignments.png`` into ``folder``.

    ``columns`` maps a title to the obs columns that colour it before and after.
    """
    import matplotlib

    previous = matplotlib.get_backend()
    matplotlib.use("Agg")
    try:
        return [
            _before_after(adata, columns, folder / "before_after.png"),
            _alignments(adata, folder / "alignments.png"),
        ]
    finally:
        matplotlib.use(previous)


def _before_after(adata: AnnData, columns: dict[str, tuple[str, str]], path: Path) -> Path:
    import matplotlib.pyplot as plt
    import scanpy as sc

    # In any order but that of the batches, of which the last would cover the others.
    adata = adata[np.random.RandomState(0).permutation(adata.n_obs)]
    figure, axes = plt.subplots(2, len(columns), figsize=(5.6 * len(columns), 9), squeeze=False, layout="constrained")
    for row, (basis, moment) in enumerate([("X_umap_before", "before"), ("X_umap", "after integration")]):
        for axis, (title, keys) in zip(axes[row], columns.items(), strict=True):
            sc.pl.embedding(
                adata, basis=basis, color=keys[row], ax=axis, show=False, frameon=False, title=f"{title}, {moment}"
            )
            legend = axis.get_legend()
            if legend is not None and row == 0 and keys[0] == keys[1]:
                legend.remove()
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return path


def _alignments(adata: AnnData, path: Path) -> Path:
    import matplotlib.pyplot as plt

    report = adata.uns["scanorama"]
    names, scores = list(report["datasets"]), np.asarray(report["scores"])
    size = 2.2 + 0.55 * len(names)
    figure, axis = plt.subplots(figsize=(size + 1.2, size), layout="constrained")
    image = axis.imshow(scores, vmin=0, vmax=1, cmap="viridis")
    axis.set_xticks(range(len(names)), names, rotation=90)
    axis.set_yticks(range(len(names)), names)
    axis.set_title("alignment: share of cells with a match")
    if len(names) <= 12:
        for i, j in np.ndindex(scores.shape):
            shade = "black" if scores[i, j] > 0.6 else "white"
            axis.text(j, i, f"{scores[i, j]:.2f}", ha="center", va="center", color=shade, fontsize=8)
    figure.colorbar(image, ax=axis, shrink=0.8)
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return path
