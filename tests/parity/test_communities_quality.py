"""Leiden and Louvain against igraph and leidenalg on real cells: at least their quality, agreement with the labels."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

import cellweave as cw
from graphs import modularity, n_connected_parts, potts

sc = pytest.importorskip("scanpy")
pytest.importorskip("igraph")

SEEDS = range(5)
N_CELLS = 1500

pytestmark = pytest.mark.filterwarnings("ignore")


def with_neighbors(adata):
    """The usual steps up to the neighbour graph, by scanpy, on at most 1,500 cells (evenly taken)."""
    adata = adata[:: -(-adata.n_obs // N_CELLS)].copy()
    sc.pp.filter_genes(adata, min_cells=3)
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    sc.pp.highly_variable_genes(adata, n_top_genes=min(2000, adata.n_vars), subset=True)
    sc.pp.pca(adata, n_comps=30)
    sc.pp.neighbors(adata)
    return adata


@pytest.fixture(scope="module", params=["_pbmc_8batch", "_paul15", "_cell_lines", "_mouse_10k"])
def cells(request):
    return with_neighbors(request.getfixturevalue(request.param))


def by_igraph(adata, resolution, **kwargs):
    """The partitions of igraph's Leiden at five seeds."""
    found = []
    for seed in SEEDS:
        arguments = {"flavor": "igraph", "n_iterations": 2, "random_state": seed, **kwargs}
        found.append(sc.tl.leiden(adata, resolution, copy=True, **arguments).obs["leiden"])
    return found


def by_us(adata, resolution, **kwargs):
    arguments = {"flavor": "igraph", "n_iterations": 2, **kwargs}
    return cw.tl.leiden(adata, resolution, copy=True, **arguments).obs["leiden"]


@pytest.mark.parametrize("resolution", [0.5, 1.5])
def test_modularity_is_at_least_igraphs(cells, resolution):
    graph = cells.obsp["connectivities"]
    theirs = [modularity(graph, labels, resolution) for labels in by_igraph(cells, resolution)]
    labels = by_us(cells, resolution)
    ours = modularity(graph, labels, resolution)
    assert ours >= max(theirs) - 1e-3 * abs(max(theirs))
    assert ours >= np.mean(theirs)
    assert n_connected_parts(graph, labels) == labels.nunique()


@pytest.mark.parametrize("resolution", [0.1, 0.02])  # igraph sees every edge twice, so the definition takes half of it
def test_potts_model_is_at_least_igraphs(cells, resolution):
    graph = cells.obsp["connectivities"]
    arguments = {"objective_function": "CPM", "n_iterations": 2}
    theirs = [potts(graph, labels, resolution / 2) for labels in by_igraph(cells, resolution, **arguments)]
    labels = by_us(cells, resolution, **arguments)
    ours = potts(graph, labels, resolution / 2)
    assert ours >= max(theirs) - 1e-3 * abs(max(theirs))
    assert ours >= np.mean(theirs)
    assert n_connected_parts(graph, labels) == labels.nunique()


def test_modularity_until_nothing_improves_is_at_least_leidenalgs(cells):
    pytest.importorskip("leidenalg")
    graph = cells.obsp["connectivities"]
    theirs = sc.tl.leiden(cells, flavor="leidenalg", copy=True).obs["leiden"]
    ours = cw.tl.leiden(cells, flavor="leidenalg", copy=True)
    assert modularity(graph, ours.obs["leiden"]) >= modularity(graph, theirs) * (1 - 1e-3)
    ones = graph.astype(bool).astype(float)
    assert ours.uns["leiden"]["modularity"] == pytest.approx(modularity(ones, ours.obs["leiden"]), rel=1e-9)


def test_agreement_with_the_labels_is_not_below_igraphs(cells):
    if "cell_type" not in cells.obs:
        pytest.skip("no labels")
    truth = cells.obs["cell_type"].astype(str)
    theirs = [adjusted_rand_score(truth, labels) for labels in by_igraph(cells, 1.0)]
    ours = [adjusted_rand_score(truth, by_us(cells, 1.0, random_state=seed)) for seed in SEEDS]
    assert np.mean(ours) >= np.mean(theirs) - np.std(theirs) - 0.01


def test_keys_and_dtypes_are_scanpys(cells):
    theirs = sc.tl.leiden(cells, flavor="igraph", n_iterations=2, copy=True)
    ours = cw.tl.leiden(cells, flavor="igraph", n_iterations=2, copy=True)
    assert ours.obs["leiden"].dtype == "category"
    assert ours.obs["leiden"].cat.categories.dtype == theirs.obs["leiden"].cat.categories.dtype
    assert ours.uns["leiden"]["params"] == theirs.uns["leiden"]["params"]
    sc.tl.rank_genes_groups(ours, "leiden", n_genes=3)  # a later step of scanpy reads it
    sc.tl.paga(ours, "leiden")


@pytest.mark.parametrize("use_weights", [False, True])
def test_louvain_is_at_least_igraphs(cells, use_weights):
    graph = cells.obsp["connectivities"]
    judged = graph if use_weights else graph.astype(bool).astype(float)
    theirs = sc.tl.louvain(cells, flavor="igraph", use_weights=use_weights, copy=True).obs["louvain"]
    ours = cw.tl.louvain(cells, use_weights=use_weights, copy=True)
    assert modularity(judged, ours.obs["louvain"]) >= modularity(judged, theirs) * (1 - 2e-3)
    assert ours.uns["louvain"]["params"] == {"resolution": None, "random_state": 0}


def test_restricted_labels_are_scanpys_pattern(cells):
    groups = by_us(cells, 0.5)
    cells.obs["groups"] = groups
    restrict_to = ("groups", ["0", "1"])
    kwargs = {"flavor": "igraph", "n_iterations": 2, "restrict_to": restrict_to, "copy": True}
    theirs = sc.tl.leiden(cells, **kwargs)
    ours = cw.tl.leiden(cells, **kwargs)
    outside = ~cells.obs["groups"].isin(restrict_to[1])
    assert (theirs.obs["leiden_R"][outside].astype(str) == ours.obs["leiden_R"][outside].astype(str)).all()
    assert set(ours.obs["leiden_R"].cat.categories) >= {"0-1,0", "0-1,1", "2"}
    assert ours.uns["leiden_R"]["params"] == theirs.uns["leiden_R"]["params"]
