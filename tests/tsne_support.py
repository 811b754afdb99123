"""The same t-SNE by cellweave and by openTSNE, and the Kullback-Leibler divergences at which they end."""

from __future__ import annotations

import numpy as np
import openTSNE

import cellweave as cw

#: Steps under early exaggeration, and after.
STEPS = (250, 500)


def divergence(affinities, layout) -> float:
    """sum P log(P / Q) over the pairs that have affinity, by the definition."""
    pairs = affinities.tocoo()
    layout = np.asarray(layout, dtype=np.float64)
    squared = (layout**2).sum(axis=1)
    distances = np.maximum(squared[:, None] + squared[None] - 2 * layout @ layout.T, 0)
    closeness = 1 / (1 + distances)
    normalizer = closeness.sum() - len(layout)
    return float((pairs.data * np.log(pairs.data * normalizer / closeness[pairs.row, pairs.col])).sum())


def divergences(adata, perplexity: float) -> tuple[float, float]:
    """Ours and openTSNE's from ``obsm['X_pca']``, of openTSNE's exact affinities; ours is also what uns tells."""
    points = adata.obsm["X_pca"]
    affinities = openTSNE.affinity.PerplexityBasedNN(points, perplexity=perplexity, method="exact", n_jobs=2)
    start = openTSNE.initialization.pca(points, random_state=0)
    theirs = openTSNE.TSNEEmbedding(start, affinities, negative_gradient_method="fft", n_jobs=2)
    theirs.optimize(STEPS[0], exaggeration=12, momentum=0.5, inplace=True)
    theirs.optimize(STEPS[1], momentum=0.8, inplace=True)
    cw.tl.tsne(adata, perplexity=perplexity, learning_rate="auto", max_iter=sum(STEPS))
    ours = divergence(affinities.P, adata.obsm["X_tsne"])
    np.testing.assert_allclose(adata.uns["tsne"]["kl_divergence"], ours, rtol=0.01)
    return ours, divergence(affinities.P, theirs)
