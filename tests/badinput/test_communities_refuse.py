"""Bad input to tl.leiden and tl.louvain: a clear error, and AnnData as before."""

import numpy as np
import pytest
from scipy import sparse

import cellweave as cw
from graphs import planted
from support import refuses

GRAPH = planted(3, 20).obsp["connectivities"]


def leiden(adata, *args, **kwargs):
    return cw.tl.leiden(adata, *args, **{"flavor": "igraph", "n_iterations": 2, **kwargs})


def with_entry(value):
    graph = GRAPH.copy()
    graph.data[5] = value
    return graph


methods = pytest.mark.parametrize("method", [leiden, cw.tl.louvain])


@methods
def test_no_neighbors_computed(method):
    adata = planted()
    del adata.uns["neighbors"]
    with refuses(adata, ValueError, "run `pp.neighbors` first"):
        method(adata)


@methods
@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"resolution": 0}, ValueError, "resolution must be a number above 0, found 0"),
        ({"resolution": -1.5}, ValueError, "resolution must be a number above 0"),
        ({"resolution": float("nan")}, ValueError, "resolution must be a number above 0"),
        ({"resolution": "high"}, TypeError, "resolution must be a number above 0"),
        ({"adjacency": GRAPH[:, :-1]}, ValueError, "adjacency is 60 x 59; expected 60 x 60"),
        ({"adjacency": GRAPH[:10, :10]}, ValueError, "adjacency is 10 x 10; expected 60 x 60"),
        ({"adjacency": "graph"}, ValueError, "adjacency has 0 dimension"),
        ({"adjacency": GRAPH.toarray()[:, :-1]}, ValueError, "adjacency is 60 x 59; expected 60 x 60"),
        ({"adjacency": with_entry(-0.5), "use_weights": True}, ValueError, "negative, infinite or NaN"),
        ({"adjacency": with_entry(np.nan), "use_weights": True}, ValueError, "negative, infinite or NaN"),
        ({"adjacency": with_entry(np.inf), "use_weights": True}, ValueError, "negative, infinite or NaN"),
        ({"obsp": "a", "neighbors_key": "b"}, ValueError, "specify both"),
        ({"obsp": "nothing"}, KeyError, "obsp 'nothing' not found"),
        ({"neighbors_key": "nothing"}, KeyError, "neighbors_key 'nothing' not found"),
        ({"restrict_to": ("nothing", ["b0"])}, KeyError, "'nothing' not found"),
        ({"restrict_to": ("block", ["b9"])}, ValueError, "'b9' is not a valid category for 'block'"),
        ({"restrict_to": ("block", [])}, ValueError, "expected a list of categories"),
        ({"restrict_to": ("block", [1])}, ValueError, "use strings to label categories"),
        ({"restrict_to": "block"}, ValueError, r"restrict_to must be \(obs key"),
        ({"random_state": "seed"}, TypeError, "random_state must be an int"),
        ({"flavor": "other"}, ValueError, "flavor"),
    ],
)
def test_wrong_arguments(method, arguments, error, match):
    adata = planted(3, 20)
    with refuses(adata, error, match):
        method(adata, **arguments)


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"resolution": []}, ValueError, "empty list"),
        ({"resolution": [1.0, 0.0]}, ValueError, "resolution must be a number above 0"),
        ({"n_iterations": 0}, ValueError, "n_iterations must be at least 1"),
        ({"n_iterations": 1.5}, TypeError, "n_iterations must be an int"),
        ({"directed": True}, ValueError, "leiden implementation with a directed graph"),
        ({"partition_type": "CPMVertexPartition"}, ValueError, "Do not pass in partition_type"),
        ({"objective_function": "surprise"}, ValueError, "objective_function must be"),
        ({"beta": -1.0}, ValueError, "randomness"),
        ({"initial_membership": [0, 1]}, ValueError, "initial_membership has 2 entries"),
        ({"initial_membership": [0.5] * 60}, TypeError, "initial_membership must be a list of ints"),
        ({"unknown": 1}, TypeError, "unexpected keyword argument 'unknown'"),
        (
            {"flavor": "leidenalg", "partition_type": "SurpriseVertexPartition"},
            NotImplementedError,
            "SurpriseVertexPartition is not supported",
        ),
        ({"flavor": "leidenalg", "max_comm_size": 5}, NotImplementedError, "max_comm_size is not supported"),
        (
            {"flavor": "leidenalg", "partition_type": "ModularityVertexPartition", "resolution": 2},
            ValueError,
            "takes no resolution",
        ),
    ],
)
def test_wrong_arguments_of_leiden(arguments, error, match):
    adata = planted(3, 20)
    with refuses(adata, error, match):
        leiden(adata, **arguments)


@methods
def test_malformed_matrices_do_not_crash(method):
    adata = planted(3, 20)
    graph = GRAPH.copy()
    graph.indices[3] = 10**6
    with refuses(adata, ValueError, "lies outside"):
        method(adata, adjacency=graph)
    with refuses(adata, ValueError, "lies outside"):
        method(adata, adjacency=graph, restrict_to=("block", ["b0"]))


@methods
def test_no_cells_at_all(method):
    adata = planted(3, 20)[:0].copy()
    adata.obsp["connectivities"] = sparse.csr_matrix((0, 0), dtype=np.float32)
    adata.uns["neighbors"] = {"connectivities_key": "connectivities", "params": {}}
    method(adata)
    key = "leiden" if method is leiden else "louvain"
    assert len(adata.obs[key].cat.categories) == 0


def test_not_an_anndata():
    with pytest.raises(TypeError, match="must be an AnnData"):
        leiden(GRAPH)
