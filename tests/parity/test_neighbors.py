"""pp.neighbors against scanpy, and the connectivities against umap-learn."""

from __future__ import annotations

import anndata
import numpy as np
import pytest
import scanpy as sc
from scipy import sparse
from sklearn.decomposition import PCA
from umap.umap_ import fuzzy_simplicial_set

import cellweave as cw
from cellweave.neighbors import KNNTransformer, _graph, knn


@pytest.fixture(scope="module")
def components(_paul15):
    """600 real cells in 40 principal components."""
    counts = np.log1p(_paul15.X[:600].toarray().astype(np.float64))
    return PCA(40, random_state=0).fit_transform(counts).astype(np.float32)


@pytest.fixture
def cells(components):
    adata = anndata.AnnData(components.copy())
    adata.obsm["X_pca"] = components * 2
    return adata


def assert_same_graph(ours, theirs, atol):
    assert type(ours) is type(theirs)
    assert ours.dtype == theirs.dtype
    assert abs(ours - theirs).max() <= atol
    if sparse.issparse(theirs):
        assert (ours.indices.dtype, ours.indptr.dtype) == (theirs.indices.dtype, theirs.indptr.dtype)
        assert np.array_equal(ours.indptr, theirs.indptr)


def assert_equals_scanpy(adata, *args, atol=1e-5, **kwargs):
    expected = adata.copy()
    sc.pp.neighbors(expected, *args, **kwargs)
    assert cw.pp.neighbors(adata, *args, **kwargs) is None
    assert str(adata.uns) == str(expected.uns)
    assert list(adata.obsp) == list(expected.obsp)
    for key in expected.obsp:
        assert_same_graph(adata.obsp[key], expected.obsp[key], atol)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"n_neighbors": 30, "metric": "manhattan", "random_state": 3},
        {"metric": "cosine"},
        {"metric": "correlation", "use_rep": "X_pca", "n_pcs": 10},
        {"metric": "chebyshev"},
        {"metric": "minkowski", "metric_kwds": {"p": 3}},
        {"method": "gauss", "n_neighbors": 10},
        {"method": "gauss", "n_neighbors": 10, "knn": False},
        {"key_added": "mine", "n_pcs": 0},
        {"transformer": "sklearn"},
        {"transformer": KNNTransformer(9)},
    ],
    ids=str,
)
def test_equals_scanpy(cells, arguments):
    # scanpy's cosine distances carry the rounding of float32
    assert_equals_scanpy(cells, atol=1e-3 if arguments.get("metric") == "cosine" else 1e-5, **arguments)


@pytest.mark.parametrize("n_cells", [2, 3, 5, 14, 15])
def test_few_cells(cells, n_cells):
    assert_equals_scanpy(cells[:n_cells].copy())


def test_sparse_matrix_copy_and_view(cells):
    expected = cells.copy()
    sc.pp.neighbors(expected, use_rep="X")
    cells.X = sparse.csr_matrix(cells.X)
    copied = cw.pp.neighbors(cells, use_rep="X", copy=True)
    assert "neighbors" not in cells.uns
    assert_same_graph(copied.obsp["connectivities"], expected.obsp["connectivities"], 1e-5)
    view = cells[:300]
    cw.pp.neighbors(view)
    assert not view.is_view
    assert view.obsp["distances"].shape == (300, 300)
    assert "distances" not in cells.obsp


@pytest.mark.parametrize(("local_connectivity", "mix_ratio"), [(1, 1), (2.3, 0.4), (0.5, 0.0)])
@pytest.mark.parametrize("with_duplicates", [False, True])
def test_connectivities_equal_umap_learn(components, local_connectivity, mix_ratio, with_duplicates):
    points = components.copy()
    if with_duplicates:
        points[50:90] = points[0]
    indices, distances = knn(points, 15)
    theirs = fuzzy_simplicial_set(
        sparse.coo_matrix((600, 1)),
        15,
        None,
        None,
        knn_indices=indices,
        knn_dists=distances,
        set_op_mix_ratio=mix_ratio,
        local_connectivity=local_connectivity,
    )[0].tocsr()
    ours = _graph.fuzzy_union(indices, distances, local_connectivity=local_connectivity, set_op_mix_ratio=mix_ratio)
    assert ours.dtype == theirs.dtype
    assert abs(ours - theirs).max() < 1e-5
    assert abs(ours - ours.T).max() == 0


def test_ready_neighbors(cells):
    cw.pp.neighbors(cells, 15, use_rep="X", key_added="search")
    indices, distances = knn(cells.X, 20)
    cw.pp.neighbors(cells, 15, distances=(indices, distances), key_added="table")
    with_more = sparse.csr_matrix(
        (distances[:, 1:].ravel(), indices[:, 1:].ravel(), np.arange(0, 600 * 19 + 1, 19)), shape=(600, 600)
    )
    cw.pp.neighbors(cells, 15, distances=with_more, key_added="sparse")
    everyone = np.empty((600, 600))
    np.put_along_axis(everyone, *knn(cells.X, 600, dtype=np.float64), axis=1)
    cw.pp.neighbors(cells, 15, distances=everyone, key_added="dense")
    for key in ("table", "sparse", "dense"):
        difference = abs(cells.obsp[f"{key}_connectivities"] - cells.obsp["search_connectivities"])
        assert difference.max() < 1e-5
    assert cells.obsp["sparse_distances"].nnz == 600 * 19


def test_gauss_and_jaccard_of_ready_distances(cells):
    everyone = np.empty((600, 600))
    np.put_along_axis(everyone, *knn(cells.X, 600, dtype=np.float64), axis=1)
    cw.pp.neighbors(cells, 12, distances=everyone, method="gauss")
    expected = sc.neighbors._connectivity.gauss(everyone, 12, knn=True)
    assert np.abs(cells.obsp["connectivities"] - expected).max() < 1e-12
    cw.pp.neighbors(cells, 12, method="jaccard", use_rep="X")
    near = [set(row) for row in knn(cells.X, 12)[0][:, 1:].tolist()]
    directed = np.zeros((600, 600))
    for i, neighborhood in enumerate(near):
        for j in neighborhood:
            directed[i, j] = len(neighborhood & near[j]) / len(neighborhood | near[j])
    assert np.abs(cells.obsp["connectivities"].toarray() - (directed + directed.T) / 2).max() < 1e-12


def test_scanpy_goes_on_from_our_graph(cells):
    cw.pp.neighbors(cells, use_rep="X")
    sc.tl.diffmap(cells, n_comps=5)
    sc.tl.leiden(cells, flavor="igraph", n_iterations=2, directed=False)
    sc.tl.umap(cells, maxiter=2)
    assert cells.obsm["X_umap"].shape == (600, 2)
    assert cells.obs["leiden"].nunique() > 1
