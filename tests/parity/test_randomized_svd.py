"""The randomised SVD against fbpca, from the same start matrix."""

from __future__ import annotations

import fbpca
import numpy as np
import pytest
from scipy import sparse

import cellweave as cw
from cellweave import _arrays
from cellweave._core import engine
from support import assert_same_bytes_at_any_thread_count


def svd(matrix, k, *, raw=False, n_iter=2, dtype=np.float64, seed=0):
    n_cells, n_genes = matrix.shape
    random_state = np.random.RandomState(seed)
    shape = (n_genes, k + 2) if n_cells >= n_genes else (k + 2, n_cells)
    start = random_state.uniform(-1.0, 1.0, size=shape)
    start = np.ascontiguousarray(start if n_cells >= n_genes else start.T, dtype=dtype)
    view = _arrays.csr(matrix) if sparse.issparse(matrix) else _arrays.dense(matrix)
    return engine.randomized_svd(view, start, k, n_iter, not raw, cw.settings.n_threads)


def assert_equals_fbpca(matrix, k, *, tolerance=1e-9, dtype=np.float64, **kwargs):
    np.random.seed(0)
    left, values, right = (np.asarray(part) for part in fbpca.pca(matrix.astype(np.float64), k=k, **kwargs))
    our_left, our_values, our_right = svd(matrix, k, dtype=dtype, **kwargs)
    assert our_left.dtype == our_values.dtype == our_right.dtype == dtype
    signs = np.sign((left * our_left).sum(axis=0))
    np.testing.assert_allclose(our_values, values, rtol=0, atol=tolerance * values[0])
    np.testing.assert_allclose(our_left * signs, left, rtol=0, atol=tolerance)
    np.testing.assert_allclose(our_right * signs[:, None], right, rtol=0, atol=tolerance)


@pytest.fixture
def counts(rnamix):
    """636 cells x 2,000 genes: wide."""
    matrix = sparse.csr_matrix(rnamix.X, dtype=np.float64)[:, :2000]
    return matrix.log1p().tocsr()


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("n_iter", [0, 1, 2])
@pytest.mark.parametrize("n_genes", [300, 2000], ids=["tall", "wide"])
def test_equals_fbpca(counts, n_genes, raw, n_iter):
    assert_equals_fbpca(counts[:, :n_genes], 20, raw=raw, n_iter=n_iter)


@pytest.mark.parametrize("n_genes", [300, 2000], ids=["tall", "wide"])
def test_dense_input_equals_fbpca(counts, n_genes):
    assert_equals_fbpca(counts[:, :n_genes].toarray(), 20)


@pytest.mark.parametrize("n_genes", [22, 100], ids=["few genes", "wide start"])
def test_exact_branch_equals_fbpca(counts, n_genes):
    assert_equals_fbpca(counts[:, :n_genes], min(n_genes, 90))
    assert_equals_fbpca(counts[:30, :], 25)


def test_float32_input_is_computed_in_the_type_of_the_start(counts):
    values = counts[:, :300].astype(np.float32)
    assert_equals_fbpca(values, 10, tolerance=1e-6)
    assert_equals_fbpca(values, 10, dtype=np.float32, tolerance=2e-3)


def test_rank_deficient_input(counts):
    few = counts[:, :200].copy()
    few = sparse.vstack([few[:20]] * 20).tocsr()
    values = svd(few, 40)[1]
    exact = np.linalg.svd(few.toarray() - few.toarray().mean(axis=0), compute_uv=False)[:40]
    np.testing.assert_allclose(values, exact, rtol=0, atol=1e-9 * exact[0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_same_bytes_at_any_thread_count(counts, dtype):
    for n_genes in (300, 2000):
        assert_same_bytes_at_any_thread_count(lambda n=n_genes: svd(counts[:, :n], 20, dtype=dtype))


def test_wrong_start_is_refused(counts):
    with pytest.raises(ValueError, match="start must have 300 rows"):
        engine.randomized_svd(_arrays.csr(counts[:, :300]), np.ones((20, 5)), 5, threads=1)
    with pytest.raises(ValueError, match="n_components must lie between 1 and"):
        engine.randomized_svd(_arrays.csr(counts[:, :300]), np.ones((300, 5)), 0, threads=1)
