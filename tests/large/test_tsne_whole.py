"""t-SNE beside openTSNE at the perplexities of the protocol, on thousands of real cells."""

import pytest

import cellweave as cw

pytestmark = pytest.mark.large


@pytest.mark.parametrize(("n_cells", "perplexity"), [(10_000, 30), (5_000, 1_200)])
def test_divergence_is_that_of_opentsne(pbmc_8batch, n_cells, perplexity):
    pytest.importorskip("openTSNE")
    from tsne_support import divergences

    adata = pbmc_8batch.copy()
    cw.pp.normalize_total(adata, target_sum=1e4)
    cw.pp.log1p(adata)
    adata = cw.pp.sample(adata, n=n_cells, rng=0, copy=True)
    cw.pp.pca(adata)
    ours, theirs = divergences(adata, perplexity)
    assert ours <= 1.01 * theirs
