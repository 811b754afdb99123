"""t-SNE beside openTSNE: the Kullback-Leibler divergence at the same settings."""

from __future__ import annotations

import pytest
import scanpy as sc


@pytest.mark.parametrize(
    ("n_cells", "perplexity"), [pytest.param(1500, 100, id="all pairs"), pytest.param(2600, 30, id="grid")]
)
def test_divergence_is_that_of_opentsne(paul15, n_cells, perplexity):
    pytest.importorskip("openTSNE")
    from tsne_support import divergences

    adata = paul15[:n_cells].copy()
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    sc.pp.pca(adata, n_comps=30)
    ours, theirs = divergences(adata, perplexity)
    assert ours <= 1.01 * theirs
