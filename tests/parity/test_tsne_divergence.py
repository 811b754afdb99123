"""t-SNE beside openTSNE: affinities, and the Kullback-Leibler divergence at the same settings."""

from __future__ import annotations

import numpy as np
import pytest
import scanpy as sc

import cellweave as cw


def divergence(affinities, layout) -> float:
    """sum P log(P / Q) over the pairs that have affinity, by the definition."""
    pairs = affinities.tocoo()
    layout = np.asarray(layout, dtype=np.float64)
    squared = (layout**2).sum(axis=1)
    distances = np.maximum(squared[:, None] + squared[None] - 2 * layout @ layout.T, 0)
    closeness = 1 / (1 + distances)
    normalizer = closeness.sum() - len(layout)
    return float((pairs.data * np.log(pairs.data * normalizer / closeness[pairs.row, pairs.col])).sum())


@pytest.mark.parametrize("perplexity", [30, 100])
def test_divergence_is_that_of_opentsne(paul15, perplexity):
    openTSNE = pytest.importorskip("openTSNE")
    adata = paul15[:2000].copy()
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    sc.pp.pca(adata, n_comps=30)
    points = adata.obsm["X_pca"]
    affinities = openTSNE.affinity.PerplexityBasedNN(points, perplexity=perplexity, method="exact", n_jobs=2)
    theirs = openTSNE.TSNEEmbedding(
        openTSNE.initialization.pca(points, random_state=0), affinities, negative_gradient_method="fft", n_jobs=2
    )
    theirs.optimize(250, exaggeration=12, momentum=0.5, inplace=True)
    theirs.optimize(500, momentum=0.8, inplace=True)
    cw.tl.tsne(adata, perplexity=perplexity, learning_rate="auto", max_iter=750)
    ours = divergence(affinities.P, adata.obsm["X_tsne"])
    assert ours <= 1.01 * divergence(affinities.P, theirs)
    np.testing.assert_allclose(adata.uns["tsne"]["kl_divergence"], ours, rtol=0.01)
