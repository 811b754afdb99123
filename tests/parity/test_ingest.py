"""tl.ingest against scanpy, with real cells of one half as the reference for the other."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scanpy as sc

import cellweave as cw
from embedding_scores import scores


@pytest.fixture(scope="module")
def _halves(_kang):
    """Normalised cells, three fifths of them as the reference."""
    adata = _kang.copy()
    cw.pp.normalize_total(adata, target_sum=1e4)
    cw.pp.log1p(adata)
    cw.pp.highly_variable_genes(adata, n_top_genes=1_000)
    is_reference = np.random.default_rng(0).random(adata.n_obs) < 0.6
    reference, new = adata[is_reference].copy(), adata[~is_reference].copy()
    cw.pp.pca(reference, n_comps=30)
    cw.pp.neighbors(reference, n_neighbors=15)
    cw.tl.umap(reference)
    return reference, new


@pytest.fixture
def halves(_halves):
    reference, new = _halves
    return reference.copy(), new.copy()


@pytest.mark.parametrize("zero_center", [True, False])
def test_components_and_labels_equal_scanpys(halves, zero_center):
    reference, new = halves
    cw.pp.pca(reference, n_comps=30, zero_center=zero_center, mask_var="highly_variable")
    cw.pp.neighbors(reference, n_neighbors=15)
    if zero_center and not hasattr(sc.tl.Ingest(reference), "_pca_mean"):
        pytest.skip("this scanpy takes the new cells' means from the new cells, where later ones take the reference's")
    expected = sc.tl.ingest(new, reference, obs="cell_type", inplace=False)
    untouched = reference.copy()
    assert cw.tl.ingest(new, reference, obs="cell_type") is None
    assert set(new.obsm) == set(expected.obsm) == {"rep", "X_umap", "X_pca"}
    for key in ("rep", "X_pca"):
        assert new.obsm[key].dtype == expected.obsm[key].dtype
        np.testing.assert_allclose(new.obsm[key], expected.obsm[key], rtol=1e-4, atol=1e-4)
    assert list(new.obs["cell_type"].cat.categories) == list(expected.obs["cell_type"].cat.categories)
    # scanpy's neighbours are approximate
    assert (new.obs["cell_type"] == expected.obs["cell_type"]).mean() > 0.98
    assert (reference.obs == untouched.obs).all().all()
    assert set(reference.obsm) == set(untouched.obsm)


def test_labels_are_the_most_frequent_ones_of_the_nearest_cells(halves):
    from sklearn.neighbors import NearestNeighbors

    reference, new = halves
    cw.tl.ingest(new, reference, obs="cell_type", embedding_method="pca", k=7)
    nearest = NearestNeighbors(n_neighbors=7, algorithm="brute").fit(reference.obsm["X_pca"])
    voters = nearest.kneighbors(new.obsm["X_pca"], return_distance=False)
    column = reference.obs["cell_type"].astype("category")
    expected = [column.iloc[cells].mode()[0] for cells in voters]
    assert (new.obs["cell_type"].to_numpy() == np.asarray(expected)).mean() > 0.999
    assert "X_umap" not in new.obsm


def test_new_cells_lie_among_their_neighbours_as_well_as_scanpys(halves):
    reference, new = halves
    expected = sc.tl.ingest(new, reference, inplace=False)
    cw.tl.ingest(new, reference)
    together = np.vstack([reference.obsm["X_pca"], new.obsm["X_pca"]])

    def trustworthiness(placed):
        return scores(together, np.vstack([reference.obsm["X_umap"], placed]))["trustworthiness"]

    assert new.obsm["X_umap"].dtype == np.float32
    assert trustworthiness(new.obsm["X_umap"]) > trustworthiness(expected.obsm["X_umap"]) - 0.002


def test_genes_may_lie_in_another_order_and_be_more(halves):
    reference, new = halves
    cw.tl.ingest(new, reference, embedding_method="pca")
    shuffled = new[:, np.random.default_rng(1).permutation(new.n_vars)].copy()
    shuffled.var_names = shuffled.var_names.str.lower()
    del shuffled.obsm["X_pca"]
    cw.tl.ingest(shuffled, reference, embedding_method="pca")
    np.testing.assert_allclose(shuffled.obsm["X_pca"], new.obsm["X_pca"], rtol=1e-6, atol=1e-6)
    fewer = new[:, 5:].copy()
    with pytest.raises(ValueError, match=f"5 of {new.n_vars} are missing"):
        cw.tl.ingest(fewer, reference)


def test_neighbours_in_an_embedding_of_their_own(halves):
    reference, new = halves
    random = np.random.default_rng(0)
    reference.obsm["X_mine"], new.obsm["X_mine"] = random.random((reference.n_obs, 5)), random.random((new.n_obs, 5))
    cw.pp.neighbors(reference, use_rep="X_mine", key_added="mine")
    reference.obs["half"] = pd.Categorical(np.where(reference.obsm["X_mine"][:, 0] < 0.5, "low", "high"))
    cw.tl.ingest(new, reference, obs="half", embedding_method=[], neighbors_key="mine")
    assert (new.obs["half"] == np.where(new.obsm["X_mine"][:, 0] < 0.5, "low", "high")).mean() > 0.9


def test_missing_labels_do_not_vote(halves):
    reference, new = halves
    reference.obs["part"] = pd.Categorical(
        ["a"] * (reference.n_obs // 2) + [None] * (reference.n_obs - reference.n_obs // 2)
    )
    cw.tl.ingest(new, reference, obs="part", embedding_method=[], k=3)
    assert set(new.obs["part"].dropna()) == {"a"}
