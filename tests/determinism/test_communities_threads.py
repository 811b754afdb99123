"""The same communities at any thread count, from either index width, and on every call."""

import anndata
import numpy as np
import pytest
from scipy import sparse

import cellweave as cw
from graphs import with_graph
from support import assert_same_bytes_at_any_thread_count


def random_graph(n_cells: int, n_edges: int, seed: int) -> sparse.csr_matrix:
    """A symmetric graph, 70 % of whose edges stay within one of 30 groups; large enough for many batches."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 30, n_cells)
    by_group = np.argsort(group, kind="stable")
    first = np.searchsorted(group[by_group], np.arange(31))
    a = np.repeat(np.arange(n_cells), n_edges)
    inside = by_group[rng.integers(first[group[a]], first[group[a] + 1])]
    b = np.where(rng.random(len(a)) < 0.7, inside, rng.integers(0, n_cells, len(a)))
    graph = sparse.coo_matrix((rng.random(len(a), dtype=np.float32), (a, b)), (n_cells, n_cells)).tocsr()
    return graph.maximum(graph.T).tocsr()


@pytest.fixture(scope="module")
def graph():
    return random_graph(12_000, 8, seed=1)


def cells_with(graph) -> anndata.AnnData:
    return with_graph(anndata.AnnData(sparse.csr_matrix((graph.shape[0], 1), dtype=np.float32)), graph)


@pytest.mark.parametrize(
    "arguments",
    [
        {"flavor": "igraph", "n_iterations": 2, "resolution": [0.5, 2.0]},
        {"flavor": "leidenalg", "n_iterations": -1},
        {"flavor": "igraph", "n_iterations": 2, "objective_function": "CPM", "resolution": 0.001},
    ],
)
def test_leiden_gives_the_same_bytes_at_any_thread_count(graph, arguments):
    def call():
        adata = cells_with(graph)
        cw.tl.leiden(adata, **arguments)
        return adata.obs, adata.uns

    assert_same_bytes_at_any_thread_count(call)


def test_directed_leiden_gives_the_same_bytes_at_any_thread_count(graph):
    def call():
        adata = cells_with(sparse.triu(graph).tocsr())
        cw.tl.leiden(adata, flavor="leidenalg", directed=True, n_iterations=2)
        return adata.obs, adata.uns

    assert_same_bytes_at_any_thread_count(call)


def test_louvain_gives_the_same_bytes_at_any_thread_count(graph):
    def call():
        adata = cells_with(graph)
        cw.tl.louvain(adata, use_weights=True)
        return adata.obs, adata.uns

    assert_same_bytes_at_any_thread_count(call)


def test_index_width_and_value_type_do_not_matter(graph):
    wide = graph.copy()
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    labels = []
    for variant in (graph, wide, graph.astype(np.float64), sparse.csr_array(graph), graph.tocsc()):
        adata = cells_with(variant)
        cw.tl.leiden(adata, flavor="igraph", n_iterations=2)
        labels.append(adata.obs["leiden"].cat.codes.to_numpy())
    assert all((other == labels[0]).all() for other in labels[1:])
