"""tl.diffmap, tl.dpt and tl.paga against scanpy, on the same graph of real cells."""

from __future__ import annotations

import numpy as np
import pytest
import scanpy as sc
from scipy import linalg, sparse

import cellweave as cw
from graphs import planted, planted_graph, with_graph


def _with_neighbors(adata, **arguments):
    sc.pp.recipe_zheng17(adata)
    sc.pp.pca(adata, random_state=0)
    cw.pp.neighbors(adata, n_neighbors=10, n_pcs=20, **arguments)
    return adata


@pytest.fixture(scope="module")
def _blood(_paul15):
    return _with_neighbors(_paul15.copy())


@pytest.fixture
def blood(_blood):
    """2,730 cells of a branching trajectory, with neighbours, and the root that the course takes."""
    adata = _blood.copy()
    adata.uns["iroot"] = int(np.flatnonzero(adata.obs["cell_type"] == "7MEP")[0])
    return adata


def _largest_angle(ours, theirs) -> float:
    return float(linalg.subspace_angles(ours.astype(np.float64), theirs.astype(np.float64)).max())


@pytest.mark.parametrize(("n_comps", "method"), [(15, "umap"), (10, "umap"), (15, "gauss")])
def test_diffusion_map_spans_what_scanpys_spans(paul15, n_comps, method):
    adata = _with_neighbors(paul15, method=method)
    expected = sc.tl.diffmap(adata, n_comps=n_comps, copy=True)
    assert cw.tl.diffmap(adata, n_comps=n_comps) is None
    assert adata.obsm["X_diffmap"].dtype == expected.obsm["X_diffmap"].dtype == np.float32
    assert adata.uns["diffmap_evals"].dtype == expected.uns["diffmap_evals"].dtype == np.float32
    np.testing.assert_allclose(adata.uns["diffmap_evals"], expected.uns["diffmap_evals"], atol=1e-5)
    # The first components span the same space up to rounding; the last one has a neighbour that is left out.
    assert _largest_angle(adata.obsm["X_diffmap"], expected.obsm["X_diffmap"]) < 1e-2
    for k in range(6):
        cosine = abs(np.dot(adata.obsm["X_diffmap"][:, k], expected.obsm["X_diffmap"][:, k]))
        assert cosine > 1 - 1e-4, f"component {k}"


def _transitions(graph):
    """The definition."""
    weights = graph.toarray().astype(np.float64)
    density = weights.sum(axis=0)
    weights /= np.outer(density, density)
    roots = np.sqrt(weights.sum(axis=0))
    return weights / np.outer(roots, roots)


@pytest.mark.parametrize("n_blocks", [3, 30])  # decomposed completely, and by the iteration
def test_diffusion_map_is_the_definitions(n_blocks):
    adata = planted(n_blocks=n_blocks)
    cw.tl.diffmap(adata, n_comps=8)
    values = np.linalg.eigvalsh(_transitions(adata.obsp["connectivities"]))
    outermost = np.sort(values[np.argsort(-np.abs(values))[:8]])[::-1]
    np.testing.assert_allclose(adata.uns["diffmap_evals"], outermost, atol=1e-6)
    basis = adata.obsm["X_diffmap"].astype(np.float64)
    images = _transitions(adata.obsp["connectivities"]) @ basis
    np.testing.assert_allclose(images, basis * adata.uns["diffmap_evals"], atol=1e-5)
    np.testing.assert_allclose(basis.T @ basis, np.eye(8), atol=1e-5)
    assert (basis[np.abs(basis).argmax(axis=0), range(8)] > 0).all()


@pytest.mark.parametrize("n_parts", [12, 30])
def test_diffusion_map_of_many_parts_has_a_steady_state_for_each(n_parts, caplog):
    adata = planted(n_blocks=n_parts, outside=0)
    cw.tl.diffmap(adata)
    n_steady = min(n_parts, 15)
    np.testing.assert_allclose(adata.uns["diffmap_evals"][:n_steady], 1, atol=1e-6)
    np.testing.assert_allclose(adata.obsm["X_diffmap"].T @ adata.obsm["X_diffmap"], np.eye(15), atol=1e-5)
    assert "many disconnected components" in caplog.text


def test_diffusion_map_of_a_graph_whose_other_eigenvalues_are_all_the_same():
    n_cells = 600
    everybody = np.ones((n_cells, n_cells), dtype=np.float32) - np.eye(n_cells, dtype=np.float32)
    adata = with_graph(planted(n_blocks=15), sparse.csr_matrix(everybody))
    cw.tl.diffmap(adata, n_comps=4)
    np.testing.assert_allclose(adata.uns["diffmap_evals"], [1, *[-1 / (n_cells - 1)] * 3], atol=1e-6)


def test_diffusion_map_finds_negative_eigenvalues_of_large_size():
    side = 300  # edges lead from one half to the other only: every eigenvalue has its negative
    across = sparse.random(side, side, 0.03, random_state=0, format="csr", dtype=np.float32)
    adata = planted(n_blocks=2, block_size=side)
    with_graph(adata, sparse.bmat([[None, across], [across.T, None]], format="csr", dtype=np.float32))
    cw.tl.diffmap(adata, n_comps=6)
    np.testing.assert_allclose(adata.uns["diffmap_evals"], -adata.uns["diffmap_evals"][::-1], atol=1e-6)


def test_diffusion_map_of_a_graph_with_an_isolated_cell():
    graph = planted_graph(3, 40, 0.3, 0.02).tolil()
    graph[5], graph[:, 5] = 0, 0
    adata = planted(n_blocks=3)
    with_graph(adata, sparse.csr_matrix(graph))
    cw.tl.diffmap(adata)
    assert np.isfinite(adata.obsm["X_diffmap"]).all()
    np.testing.assert_allclose(adata.obsm["X_diffmap"][5], 0, atol=1e-6)


@pytest.mark.parametrize("n_dcs", [10, 4])
def test_pseudotime_equals_scanpys(blood, n_dcs):
    sc.tl.diffmap(blood)
    expected = sc.tl.dpt(blood, n_dcs, copy=True)
    cw.tl.dpt(blood, n_dcs)
    assert blood.obs["dpt_pseudotime"].dtype == expected.obs["dpt_pseudotime"].dtype
    np.testing.assert_allclose(blood.obs["dpt_pseudotime"], expected.obs["dpt_pseudotime"], rtol=1e-4, atol=1e-6)
    assert blood.uns["iroot"] == expected.uns["iroot"]


def test_pseudotime_of_our_diffusion_map(blood):
    expected = blood.copy()
    sc.tl.diffmap(expected)
    sc.tl.dpt(expected)
    cw.tl.dpt(blood)  # computes the diffusion map first
    assert blood.obsm["X_diffmap"].shape == (blood.n_obs, 15)
    assert blood.obs["dpt_pseudotime"].iloc[blood.uns["iroot"]] == 0
    assert np.corrcoef(blood.obs["dpt_pseudotime"], expected.obs["dpt_pseudotime"])[0, 1] > 1 - 1e-6


def test_pseudotime_from_an_expression_vector(blood):
    root = blood.uns.pop("iroot")
    blood.var["xroot"] = blood.X[root]
    cw.tl.dpt(blood)
    assert blood.uns["iroot"] == root


def test_pseudotime_of_unreachable_cells_is_infinite_and_said_so(caplog):
    adata = planted(n_blocks=2, outside=0)
    adata.uns["iroot"] = 0
    sc.tl.diffmap(adata)
    expected = sc.tl.dpt(adata, copy=True)
    cw.tl.dpt(adata)
    ours, theirs = adata.obs["dpt_pseudotime"], expected.obs["dpt_pseudotime"]
    assert np.isinf(ours).sum() == np.isinf(theirs).sum() == 40
    np.testing.assert_allclose(ours[:40], theirs[:40], rtol=1e-4, atol=1e-6)
    assert "no path from the root to 40 of 80 cells" in caplog.text


def assert_same_sparse(ours, theirs):
    assert type(ours) is type(theirs)
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours.toarray(), theirs.toarray(), rtol=1e-12)


@pytest.mark.parametrize("model", ["v1.2", "v1.0"])
def test_paga_equals_scanpys(blood, model):
    pytest.importorskip("igraph")
    blood.uns["paga"] = {"pos": np.zeros((19, 2))}
    expected = sc.tl.paga(blood, "cell_type", model=model, copy=True)
    assert cw.tl.paga(blood, "cell_type", model=model) is None
    for key in ("connectivities", "connectivities_tree"):
        assert_same_sparse(blood.uns["paga"][key], expected.uns["paga"][key])
    assert list(blood.uns["paga"]) == list(expected.uns["paga"])
    assert np.array_equal(blood.uns["cell_type_sizes"], expected.uns["cell_type_sizes"])


def test_paga_of_velocities_equals_scanpys(blood):
    pytest.importorskip("igraph")
    random = np.random.default_rng(0)
    velocities = blood.obsp["distances"].copy()
    velocities.data = random.random(velocities.nnz) * (random.random(velocities.nnz) < 0.7)
    blood.uns["velocity_graph"] = velocities
    expected = sc.tl.paga(blood, "cell_type", use_rna_velocity=True, copy=True)
    cw.tl.paga(blood, "cell_type", use_rna_velocity=True)
    ours = blood.uns["paga"]["transitions_confidence"].toarray()
    np.testing.assert_allclose(ours, expected.uns["paga"]["transitions_confidence"].toarray(), rtol=1e-12)


def test_paga_takes_the_communities_that_are_there(blood):
    cw.tl.leiden(blood, flavor="igraph", n_iterations=2)
    cw.tl.paga(blood)
    assert blood.uns["paga"]["groups"] == "leiden"
    sc.pl.paga(blood, show=False)
    cw.tl.umap(blood, init_pos="paga", maxiter=5)


def test_paga_of_groups_without_edges_between_them():
    adata = planted(n_blocks=3, outside=0)
    adata.obsp["distances"] = adata.obsp["connectivities"]
    cw.tl.paga(adata, "block")
    assert adata.uns["paga"]["connectivities"].nnz == adata.uns["paga"]["connectivities_tree"].nnz == 0
