"""UMAP beside umap-learn: curve, start, keys, and the quality of the layout on real data."""

from __future__ import annotations

import numpy as np
import pytest
import scanpy as sc

import cellweave as cw
from cellweave.tl._umap import fit_curve
from embedding_scores import scores

N_CELLS = 1000


def with_neighbors(adata):
    adata = adata[np.random.RandomState(0).permutation(adata.n_obs)[:N_CELLS]].copy()
    sc.pp.filter_genes(adata, min_cells=3)
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    sc.pp.pca(adata, n_comps=30)
    sc.pp.neighbors(adata, n_neighbors=15)
    return adata


@pytest.fixture(scope="module")
def paul15_graph(_paul15):
    return with_neighbors(_paul15)


@pytest.fixture(scope="module")
def cell_lines_graph(_cell_lines):
    return with_neighbors(_cell_lines)


@pytest.mark.parametrize("min_dist", [0.0, 0.1, 0.5, 1.2])
@pytest.mark.parametrize("spread", [0.5, 1.0, 2.0])
def test_the_curve_is_that_of_umap_learn(min_dist, spread):
    from umap.umap_ import find_ab_params

    np.testing.assert_allclose(fit_curve(spread, min_dist), find_ab_params(spread, min_dist), rtol=1e-6)


@pytest.mark.parametrize("dataset", ["paul15_graph", "cell_lines_graph"])
def test_quality_is_that_of_umap_learn(dataset, request):
    adata = request.getfixturevalue(dataset)
    labels = adata.obs["cell_type"]
    measured = {}
    # Enough of ours that the mean is that of the method, not of a few seeds; umap-learn takes too long for as many.
    for name, umap, n_seeds in (("theirs", sc.tl.umap, 5), ("ours", cw.tl.umap, 20)):
        runs = []
        for seed in range(n_seeds):
            umap(adata, random_state=seed)
            runs.append(scores(adata.obsm["X_pca"], adata.obsm["X_umap"], labels))
        measured[name] = {key: np.array([run[key] for run in runs]) for key in runs[0]}
    for key, theirs in measured["theirs"].items():
        assert measured["ours"][key].mean() >= theirs.mean() - theirs.std(), key


def test_spectral_start_spans_the_eigenvectors_of_the_laplacian(paul15_graph):
    from scipy import sparse

    weights = paul15_graph.obsp["connectivities"].copy().astype(float)
    weights.data[weights.data < weights.data.max() / 500] = 0  # what tl.umap leaves out
    weights.eliminate_zeros()
    scale = sparse.diags(1 / np.sqrt(np.asarray(weights.sum(axis=0)).ravel()))
    values, vectors = sparse.linalg.eigsh(scale @ weights @ scale, 4, which="LA", tol=1e-8)
    expected = vectors[:, np.argsort(-values)[1:3]]

    from cellweave import _arrays
    from cellweave._core import engine

    graph = engine.neighbor_graph(_arrays.csr(paul15_graph.obsp["connectivities"]), 1 / 500, 2)
    found = engine.spectral_layout(graph, 2, 0, 2)
    found /= np.linalg.norm(found, axis=0)
    np.testing.assert_allclose(np.abs((expected * found).sum(axis=0)), 1, atol=1e-3)


def test_keys_and_dtypes_are_those_of_scanpy(paul15_graph):
    theirs = sc.tl.umap(paul15_graph, random_state=3, maxiter=20, key_added="layout", copy=True)
    ours = cw.tl.umap(paul15_graph, random_state=3, maxiter=20, key_added="layout", copy=True)
    assert ours.uns["layout"]["params"].keys() == theirs.uns["layout"]["params"].keys()
    np.testing.assert_allclose(ours.uns["layout"]["params"]["a"], theirs.uns["layout"]["params"]["a"], rtol=1e-6)
    assert ours.obsm["layout"].dtype == theirs.obsm["layout"].dtype
    assert ours.obsm["layout"].shape == theirs.obsm["layout"].shape


def test_random_start_is_drawn_as_in_umap_learn(paul15_graph):
    theirs = sc.tl.umap(paul15_graph, random_state=5, init_pos="random", maxiter=0, copy=True)
    ours = cw.tl.umap(paul15_graph, random_state=5, init_pos="random", maxiter=0, copy=True)
    np.testing.assert_allclose(ours.obsm["X_umap"], theirs.obsm["X_umap"], atol=1e-5)


def test_paga_start_is_that_of_scanpy(paul15_graph):
    adata = paul15_graph.copy()
    sc.tl.paga(adata, groups="cell_type")
    sc.pl.paga(adata, show=False, plot=False)
    theirs = sc.tl.umap(adata, init_pos="paga", maxiter=0, copy=True)
    ours = cw.tl.umap(adata, init_pos="paga", maxiter=0, copy=True)
    np.testing.assert_allclose(ours.obsm["X_umap"], theirs.obsm["X_umap"], atol=1e-4)
