"""Wrong input to diffmap, dpt, paga and ingest: an error that says what was wrong, and an untouched AnnData."""

from __future__ import annotations

import anndata
import numpy as np
import pytest
from scipy import sparse

import cellweave as cw
from graphs import planted
from support import refuses


@pytest.fixture
def adata():
    adata = planted(n_blocks=3)
    adata.obsp["distances"] = adata.obsp["connectivities"].copy()
    return adata


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n_comps": 2}, ValueError, "greater than 2"),
        ({"n_comps": 3.5}, TypeError, "n_comps must be a whole number"),
        ({"neighbors_key": "none"}, ValueError, "run `pp.neighbors` first"),
        ({"random_state": "seed"}, TypeError, "random_state must be"),
    ],
)
def test_diffmap(adata, arguments, error, message):
    with refuses(adata, error, message):
        cw.tl.diffmap(adata, **arguments)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda graph: graph * -1, "negative weights"),
        (lambda graph: graph * np.float32(np.nan), "NaN or infinite"),
        (lambda graph: sparse.triu(graph, format="csr"), "not symmetric"),
        (lambda graph: graph[:50, :50], "expected 120 x 120"),
    ],
)
def test_diffmap_of_a_bad_graph(adata, change, message):
    adata.uns["neighbors"]["connectivities"] = change(adata.obsp["connectivities"])
    adata.uns["neighbors"]["connectivities_key"] = "elsewhere"
    with refuses(adata, ValueError, message):
        cw.tl.diffmap(adata)


@pytest.mark.parametrize("call", [cw.tl.diffmap, cw.tl.leiden, cw.tl.umap])
def test_graphs_of_complex_weights(adata, call):
    adata.obsp["connectivities"] = adata.obsp["connectivities"].astype(complex)
    with refuses(adata, TypeError, "has dtype complex128; expected numbers"):
        call(adata)


def test_diffmap_of_a_malformed_graph(adata):
    adata.obsp["connectivities"].indices[0] = 10_000
    with refuses(adata, ValueError, r"obsp\['connectivities'\]"):
        cw.tl.diffmap(adata)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n_dcs": 16}, ValueError, "Cannot instantiate using `n_dcs`=16"),
        ({"n_dcs": 0}, ValueError, "n_dcs must be a whole number of at least 1"),
        ({"n_branchings": 1}, NotImplementedError, "n_branchings"),
        ({"neighbors_key": "none"}, ValueError, "run `pp.neighbors` and `tl.diffmap` first"),
    ],
)
def test_dpt(adata, arguments, error, message):
    adata.uns["iroot"] = 0
    with refuses(adata, error, message):
        cw.tl.dpt(adata, **arguments)


def test_dpt_with_a_root_that_is_not_there(adata, caplog):
    cw.tl.diffmap(adata)
    adata.uns["iroot"] = 500
    cw.tl.dpt(adata)
    assert "dpt_pseudotime" not in adata.obs
    assert "Root cell index 500 does not exist" in caplog.text
    adata.uns["iroot"] = -500
    with refuses(adata, ValueError, "iroot"):
        cw.tl.dpt(adata)


@pytest.mark.parametrize("root", ["first", [1, 2], 1.5])
def test_dpt_with_a_root_that_is_no_number(adata, root):
    adata.uns["iroot"] = root
    with refuses(adata, TypeError, r"adata\.uns\['iroot'\] must be a whole number"):
        cw.tl.dpt(adata)


def test_dpt_of_missing_values(adata):
    cw.tl.diffmap(adata)
    adata.var["xroot"] = [np.nan]
    with refuses(adata, ValueError, "xroot holds 1 NaN"):
        cw.tl.dpt(adata)
    adata.uns["iroot"] = 0
    adata.obsm["X_diffmap"][3] = np.nan
    with refuses(adata, ValueError, r"X_diffmap'\] holds 15 NaN"):
        cw.tl.dpt(adata)
    del adata.uns["diffmap_evals"]
    with refuses(adata, KeyError, "diffmap_evals"):
        cw.tl.dpt(adata)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"groups": "none"}, KeyError, "`groups` key 'none' not found"),
        ({}, ValueError, "run `tl.leiden` or `tl.louvain`"),
        ({"groups": "block", "model": "v2"}, ValueError, "`model` v2 needs to be one of"),
        ({"groups": "block", "neighbors_key": "none"}, ValueError, "run `pp.neighbors` first"),
        ({"groups": "block", "use_rna_velocity": True}, ValueError, "velocity_graph"),
        ({"groups": "partly"}, ValueError, "1 cells have no category"),
    ],
)
def test_paga(adata, arguments, error, message):
    adata.obs["partly"] = adata.obs["block"].where(np.arange(adata.n_obs) > 0)
    with refuses(adata, error, message):
        cw.tl.paga(adata, **arguments)


@pytest.fixture
def reference():
    points = np.random.default_rng(0).random((60, 6)).astype(np.float32)
    reference = anndata.AnnData(points)
    reference.obs["group"] = ["a", "b"] * 30
    cw.pp.neighbors(reference, use_rep="X")
    return reference


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"obs": "none"}, KeyError, r"obs: \['none'\] not found"),
        ({"embedding_method": "tsne"}, NotImplementedError, "only umap and pca"),
        ({"labeling_method": "svm"}, NotImplementedError, "knn labeling"),
        ({"labeling_method": ["knn", "knn"], "obs": "group"}, ValueError, "2 entries for 1"),
        ({"neighbors_key": "none"}, ValueError, "no neighbors data"),
        ({"embedding_method": "pca"}, ValueError, "no principal components"),
        ({"embedding_method": "umap"}, ValueError, "no UMAP"),
        ({"obs": "group", "embedding_method": [], "k": 0}, ValueError, "k must be a whole number"),
        ({"neighbours": 3}, TypeError, "unexpected keyword"),
    ],
)
def test_ingest(reference, arguments, error, message):
    new = reference[:10].copy()
    with refuses(new, error, message):
        cw.tl.ingest(new, reference, **arguments)


def test_ingest_of_missing_values_and_of_something_else(reference):
    new = reference[:10].copy()
    new.X[0, 0] = np.nan
    with refuses(new, ValueError, "NaN or infinite"):
        cw.tl.ingest(new, reference, obs="group", embedding_method=[])
    with refuses(new, TypeError, "adata_ref must be an AnnData"):
        cw.tl.ingest(new, reference.X)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda adata: adata.obsm["X_umap"].__setitem__(3, np.nan), r"adata_ref\.obsm\['X_umap'\] holds"),
        (lambda adata: adata.obsm["X_pca"].__setitem__(3, np.nan), r"adata_ref\.obsm\['X_pca'\] holds"),
        (lambda adata: adata.varm["PCs"].__setitem__(3, np.nan), r"adata_ref\.varm\['PCs'\] holds"),
        (lambda adata: adata.uns["umap"]["params"].pop("a"), r"\['params'\]\['a'\] must be a number"),
        (
            lambda adata: adata.uns["neighbors"]["params"].pop("n_neighbors"),
            r"\['n_neighbors'\] must be a whole number",
        ),
    ],
)
def test_ingest_from_a_spoilt_reference(reference, spoil, message):
    cw.pp.pca(reference, n_comps=3)
    cw.pp.neighbors(reference, use_rep="X_pca")
    cw.tl.umap(reference, maxiter=5)
    new = anndata.AnnData(reference.X[:10].copy())
    spoil(reference)
    with refuses(new, (TypeError, ValueError), message):
        cw.tl.ingest(new, reference, obs="group")
