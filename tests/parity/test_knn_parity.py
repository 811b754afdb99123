"""The search against scikit-learn's brute force."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsTransformer, NearestNeighbors

from cellweave.neighbors import KNNTransformer, knn

METRICS = ["euclidean", "manhattan", "cosine", "correlation"]


@pytest.fixture(scope="module")
def cells(_pbmc_8batch):
    """2,500 real cells in 50 principal components."""
    some = _pbmc_8batch[::6]
    counts = np.log1p(some.X.toarray()[:, ::20])
    return PCA(50, random_state=0).fit_transform(counts)[:2500].astype(np.float32)


def assert_same_neighbors(ours, theirs, rtol=1e-6, atol=1e-6):
    """Equal distances; and equal indices wherever the distance is no tie."""
    (our_indices, our_distances), (their_distances, their_indices) = ours, theirs
    np.testing.assert_allclose(our_distances, their_distances, rtol=rtol, atol=atol)
    is_tie = np.isclose(np.diff(their_distances, axis=1, append=np.inf), 0, atol=1e-6)
    is_tie[:, 1:] |= is_tie[:, :-1]
    is_tie[:, -1] = True  # the next one, which was not asked for, may lie as near
    assert (our_indices == their_indices)[~is_tie].all()


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equals_brute_force(cells, metric, dtype):
    brute = NearestNeighbors(n_neighbors=31, algorithm="brute", metric=metric).fit(cells.astype(np.float64))
    theirs = brute.kneighbors(cells.astype(np.float64))
    assert_same_neighbors(knn(cells.astype(dtype), 31, metric=metric, dtype=np.float64), theirs)


@pytest.mark.parametrize("metric", METRICS)
def test_other_queries_equal_brute_force(cells, metric):
    points, queries = cells[:2000].astype(np.float64), cells[2000:2301].astype(np.float64)
    theirs = NearestNeighbors(n_neighbors=10, algorithm="brute", metric=metric).fit(points).kneighbors(queries)
    assert_same_neighbors(knn(points, 10, queries=queries, metric=metric, dtype=np.float64), theirs)


def test_thousands_of_neighbors_and_of_dimensions(cells, pbmc_8batch):
    theirs = NearestNeighbors(n_neighbors=1800, algorithm="brute").fit(cells[:2000].astype(np.float64))
    ours = knn(cells[:2000], 1800, dtype=np.float64)
    assert_same_neighbors(ours, theirs.kneighbors(cells[:2000].astype(np.float64)))
    counts = pbmc_8batch.X[:400].toarray().astype(np.float64)
    theirs = NearestNeighbors(n_neighbors=20, algorithm="brute").fit(counts).kneighbors(counts)
    assert_same_neighbors(knn(counts, 20, dtype=np.float64), theirs, atol=1e-4)


@pytest.mark.parametrize("metric", METRICS)
def test_approximate_search_misses_few(cells, metric):
    """Real cells, as few as they are, cut into lists all the same."""
    exact = knn(cells, 16, metric=metric, algorithm="exact")[1][:, -1:]
    indices, distances = knn(cells, 16, metric=metric, algorithm="approximate")
    assert (indices[:, 0] == np.arange(len(cells))).all()
    assert (distances <= exact * (1 + 1e-6))[:, 1:].mean() >= 0.99
    others = knn(cells[:2000], 15, queries=cells[2000:], metric=metric, algorithm="approximate")[1]
    expected = knn(cells[:2000], 15, queries=cells[2000:], metric=metric, algorithm="exact")[1]
    assert (others <= expected[:, -1:] * (1 + 1e-6)).mean() >= 0.99


def test_transformer_has_the_entries_of_scikit_learns(cells):
    ours = KNNTransformer(12).fit_transform(cells)
    theirs = KNeighborsTransformer(n_neighbors=12, algorithm="brute").fit_transform(cells)
    assert ours.shape == theirs.shape
    assert np.array_equal(ours.indptr, theirs.indptr)
    np.testing.assert_allclose(ours.data, theirs.data, rtol=1e-4, atol=1e-3)  # theirs rounds small distances


def test_transformer_serves_scikit_learns_pipelines(cells):
    from sklearn.base import clone
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline

    labels = (cells[:, 0] > 0).astype(int)
    pipeline = make_pipeline(clone(KNNTransformer(10)), KNeighborsClassifier(5, metric="precomputed"))
    direct = KNeighborsClassifier(5, algorithm="brute").fit(cells[:2000], labels[:2000])
    assert np.array_equal(pipeline.fit(cells[:2000], labels[:2000]).predict(cells[2000:]), direct.predict(cells[2000:]))


def test_scanpy_takes_the_transformer(cells):
    import anndata
    import scanpy as sc

    adata = anndata.AnnData(cells[:800])
    sc.pp.neighbors(adata, transformer=KNNTransformer(15), use_rep="X")
    expected = anndata.AnnData(cells[:800])
    sc.pp.neighbors(expected, 15, use_rep="X")
    difference = abs(adata.obsp["connectivities"] - expected.obsp["connectivities"])
    assert difference.max() < 1e-4
