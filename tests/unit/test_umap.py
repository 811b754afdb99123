"""UMAP on small graphs: every kind of start, any number of dimensions, disconnected and degenerate graphs."""

from __future__ import annotations

import anndata
import numpy as np
import pytest
from scipy import sparse

import cellweave as cw


def graph_of(weights) -> anndata.AnnData:
    weights = sparse.csr_matrix(weights, dtype=np.float32)
    adata = anndata.AnnData(np.ones((weights.shape[0], 1), np.float32))
    adata.obsp["connectivities"] = weights
    adata.uns["neighbors"] = {"connectivities_key": "connectivities", "params": {"method": "umap"}}
    return adata


def ring(n: int):
    cells = np.arange(n)
    forward = sparse.csr_matrix((np.ones(n), (cells, (cells + 1) % n)), shape=(n, n))
    return forward + forward.T


def layout(adata, **arguments) -> np.ndarray:
    return cw.tl.umap(adata, copy=True, **arguments).obsm["X_umap"]


@pytest.mark.parametrize("n_components", [1, 2, 3, 4, 7])
def test_any_number_of_dimensions(n_components):
    found = layout(graph_of(ring(400)), n_components=n_components, maxiter=50)
    assert found.shape == (400, n_components)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    near = np.linalg.norm(found - np.roll(found, 1, axis=0), axis=1)
    assert np.median(near) < 0.3 * np.linalg.norm(found - found.mean(axis=0), axis=1).mean()


def test_every_start():
    adata = graph_of(ring(300))
    adata.obsm["X_first"] = np.random.default_rng(0).normal(size=(300, 2))
    from_key = layout(adata, init_pos="X_first", maxiter=30)
    np.testing.assert_array_equal(from_key, layout(adata, init_pos=adata.obsm["X_first"], maxiter=30))
    assert not np.array_equal(from_key, layout(adata, init_pos="random", maxiter=30))
    np.testing.assert_array_equal(layout(adata, init_pos=None), layout(adata, init_pos="spectral"))


def test_coinciding_cells_part():
    found = layout(graph_of(ring(50)), init_pos=np.zeros((50, 2)), maxiter=200)
    assert len(np.unique(found, axis=0)) == 50


def test_parts_of_a_disconnected_graph_lie_apart():
    sizes = [300, 120, 40, 5, 2, 1, 1, 1]
    adata = graph_of(sparse.block_diag([ring(n) if n > 2 else np.ones((n, n)) - np.eye(n) for n in sizes]))
    start = layout(adata, maxiter=0)
    assert np.isfinite(start).all()
    part = np.repeat(np.arange(len(sizes)), sizes)
    centres = np.array([start[part == p].mean(axis=0) for p in range(len(sizes))])
    distances = np.linalg.norm(centres[:, None] - centres[None], axis=2)
    assert distances[~np.eye(len(sizes), dtype=bool)].min() > 0.1
    assert np.isfinite(layout(adata)).all()


def test_a_graph_without_edges_keeps_its_start():
    adata = graph_of(np.zeros((30, 30)))
    np.testing.assert_array_equal(layout(adata), layout(adata, maxiter=0))


@pytest.mark.parametrize("n", [3, 4, 5, 6, 257, 300])
def test_small_graphs(n):
    assert np.isfinite(layout(graph_of(ring(n)))).all()


def test_directed_edges_hold_both_ends():
    found = layout(graph_of(sparse.triu(ring(200)).tocsr()))
    near = np.linalg.norm(found - np.roll(found, 1, axis=0), axis=1)
    assert np.median(near) < 0.3 * np.linalg.norm(found - found.mean(axis=0), axis=1).mean()


def test_index_type_and_layout_of_the_graph_do_not_matter():
    adata = graph_of(ring(200))
    expected = layout(adata, maxiter=50)
    adata.obsp["connectivities"].indices = adata.obsp["connectivities"].indices.astype(np.int64)
    adata.obsp["connectivities"].indptr = adata.obsp["connectivities"].indptr.astype(np.int64)
    np.testing.assert_array_equal(layout(adata, maxiter=50), expected)
    np.testing.assert_array_equal(layout(graph_of(ring(200).astype(np.float64)), maxiter=50), expected)


def test_seed_decides_and_is_noted():
    adata = graph_of(ring(200))
    assert not np.array_equal(layout(adata, random_state=1), layout(adata, random_state=2))
    state = np.random.get_state()[1].copy()
    assert cw.tl.umap(adata, random_state=1, key_added="mine") is None
    np.testing.assert_array_equal(np.random.get_state()[1], state)
    assert adata.uns["mine"]["params"]["random_state"] == 1
    assert set(adata.obsm) == {"mine"}


def test_neighbors_key():
    adata = graph_of(ring(100))
    expected = layout(adata, maxiter=20)
    adata.obsp["near_connectivities"] = adata.obsp.pop("connectivities")
    adata.uns["near"] = adata.uns.pop("neighbors") | {"connectivities_key": "near_connectivities"}
    np.testing.assert_array_equal(layout(adata, neighbors_key="near", maxiter=20), expected)
