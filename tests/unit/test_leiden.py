"""What tl.leiden writes, and where."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import cellweave as cw
from graphs import modularity, planted, planted_graph, potts, with_graph

pytestmark = pytest.mark.filterwarnings("error")


def leiden(adata, *args, **kwargs):
    return cw.tl.leiden(adata, *args, **{"flavor": "igraph", "n_iterations": 2, **kwargs})


def leidenalgs(adata, *args, **kwargs):
    with pytest.warns(UserWarning, match="The `igraph` implementation of leiden clustering"):
        cw.tl.leiden(adata, *args, flavor="leidenalg", **kwargs)


def are_the_same(labels, groups) -> bool:
    return pd.crosstab(np.asarray(labels), np.asarray(groups)).astype(bool).sum().eq(1).all() and len(
        set(labels)
    ) == len(set(groups))


def test_finds_planted_communities_and_writes_scanpys_keys():
    adata = planted()
    assert leiden(adata) is None
    assert are_the_same(adata.obs["leiden"], adata.obs["block"])
    assert list(adata.obs["leiden"].cat.categories) == ["0", "1", "2", "3", "4", "5"]
    assert adata.uns["leiden"]["params"] == {"resolution": 1, "random_state": 0, "n_iterations": 2}
    expected = modularity(adata.obsp["connectivities"], adata.obs["leiden"])
    assert adata.uns["leiden"]["modularity"] == pytest.approx(expected, rel=1e-6)


def test_a_dense_graph_is_as_good_as_a_sparse_one():
    sparsely, densely = planted(), planted()
    densely.obsp["connectivities"] = densely.obsp["connectivities"].toarray()
    for adata in (sparsely, densely):
        leiden(adata)
    assert sparsely.obs["leiden"].equals(densely.obs["leiden"])


def test_communities_are_numbered_by_falling_size_and_sorted_naturally():
    graph = sparse.block_diag([planted_graph(1, size, 0.8, 0) for size in (5, 9, 4, 30, *range(10, 22))], format="csr")
    adata = with_graph(planted(1, graph.shape[0], 0, 0), graph)
    leiden(adata, resolution=0.1)
    sizes = adata.obs["leiden"].value_counts()
    assert list(adata.obs["leiden"].cat.categories) == [str(k) for k in range(16)]
    assert sizes[list(adata.obs["leiden"].cat.categories)].is_monotonic_decreasing


def test_copy_leaves_the_original_alone():
    adata = planted()
    copied = leiden(adata, copy=True, key_added="groups")
    assert "groups" in copied.obs
    assert "groups" not in adata.obs
    assert "groups" not in adata.uns


def test_a_list_of_resolutions_writes_a_column_each():
    adata = planted()
    leiden(adata, resolution=[0.2, 1, 3.0], key_added="sweep")
    for name, resolution in (("sweep_0.2", 0.2), ("sweep_1", 1.0), ("sweep_3", 3.0)):
        alone = leiden(adata, resolution=resolution, copy=True).obs["leiden"]
        assert list(adata.obs[name]) == list(alone)
        assert adata.uns[name]["params"]["resolution"] == resolution
    assert "sweep" not in adata.obs


def test_graphs_are_found_by_key_obsp_and_argument():
    adata = planted()
    with_graph(adata, planted_graph(3, 80, 0.3, 0.01, seed=3), key="other")
    graph = adata.obsp["other_connectivities"]
    leiden(adata, neighbors_key="other", key_added="by_key")
    leiden(adata, obsp="other_connectivities", key_added="by_obsp")
    leiden(adata, adjacency=graph, key_added="by_argument")
    leiden(adata, adjacency=sparse.csc_array(graph.astype(np.float64)), key_added="by_csc")
    assert adata.obs["by_key"].nunique() == 3
    for name in ("by_obsp", "by_argument", "by_csc"):
        assert list(adata.obs[name]) == list(adata.obs["by_key"])


def test_restrict_to_keeps_the_other_groups():
    adata = planted(4, 60, 0.5, 0.01)
    adata.obs["half"] = pd.Categorical(np.where(adata.obs["block"].isin(["b0", "b1"]), "left", "right"))
    leiden(adata, restrict_to=("half", ["left"]))
    assert list(adata.obs["leiden_R"].cat.categories) == ["left,0", "left,1", "right"]
    assert (adata.obs["leiden_R"][120:] == "right").all()
    leiden(adata, restrict_to=("half", ["left", "right"]), key_added="all")
    assert list(adata.obs["all"].cat.categories) == [f"left-right,{k}" for k in range(4)]


def test_flavor_leidenalg_takes_partition_types_by_class_and_by_name():
    leidenalg = pytest.importorskip("leidenalg")
    adata = planted()
    for name, resolution in (
        ("CPMVertexPartition", 0.05),
        ("RBERVertexPartition", 1.0),
        ("ModularityVertexPartition", 1),
    ):
        for kind in (name, getattr(leidenalg, name)):
            leidenalgs(adata, resolution, partition_type=kind)
            assert are_the_same(adata.obs["leiden"], adata.obs["block"])


def test_potts_model_of_the_igraph_flavor_sees_every_entry_as_an_edge():
    adata = planted()
    graph = adata.obsp["connectivities"]
    leiden(adata, resolution=0.2, objective_function="CPM", n_iterations=-1)
    leidenalgs(adata, 0.1, partition_type="CPMVertexPartition", key_added="directed")
    assert list(adata.obs["leiden"]) == list(adata.obs["directed"])
    assert potts(graph, adata.obs["leiden"], 0.1) >= potts(graph, adata.obs["block"], 0.1)


def test_without_weights_every_edge_counts_the_same():
    adata = planted()
    graph = adata.obsp["connectivities"]
    leiden(adata, use_weights=False)
    leiden(adata, adjacency=graph.astype(bool).astype(np.float32), key_added="ones")
    assert list(adata.obs["leiden"]) == list(adata.obs["ones"])
    assert adata.uns["leiden"]["modularity"] == adata.uns["ones"]["modularity"]


def test_an_initial_membership_is_where_it_starts():
    adata = planted()
    start = adata.obs["block"].cat.codes.to_numpy() * 7 + 100
    leiden(adata, initial_membership=start, n_iterations=1)
    assert are_the_same(adata.obs["leiden"], adata.obs["block"])


def test_isolated_cells_are_groups_of_their_own():
    adata = planted(2, 10, 0.9, 0.0)
    graph = adata.obsp["connectivities"].tolil()
    graph[3, :] = 0
    graph[:, 3] = 0
    with_graph(adata, graph.tocsr())
    leiden(adata)
    assert (adata.obs["leiden"] == adata.obs["leiden"].iloc[3]).sum() == 1


def test_a_graph_without_edges_leaves_every_cell_alone():
    adata = planted(1, 5, 0, 0)
    leiden(adata)
    assert adata.obs["leiden"].nunique() == 5
    assert np.isnan(adata.uns["leiden"]["modularity"])


def test_flavor_not_given_warns_as_scanpy_does():
    adata = planted()
    with pytest.warns(FutureWarning, match="the default backend for leiden will be igraph") as caught:
        cw.tl.leiden(adata)
    assert caught[0].filename == __file__
    leidenalgs(adata)


def test_the_global_random_state_stays_and_random_states_work():
    adata = planted()
    before = np.random.get_state()[1].copy()
    for random_state in (None, 7, np.random.RandomState(3)):
        leiden(adata, random_state=random_state)
    assert (np.random.get_state()[1] == before).all()
