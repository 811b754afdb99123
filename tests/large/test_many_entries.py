"""More entries than 32 bits can count: a small matrix repeated until it has them, against scanpy on the small one.

Not part of the usual run: ``pytest -m large`` (10 GiB, a few minutes).
"""

import os

import anndata
import numpy as np
import pandas as pd
import psutil
import pytest
from ring import tiled
from scipy import sparse

import cellweave as cw

sc = pytest.importorskip("scanpy")

N_CELLS, N_GENES, N_PER_CELL = 4096, 500, 450  # whole pages of values and of indices

pytestmark = pytest.mark.large


def small_counts() -> anndata.AnnData:
    rng = np.random.default_rng(0)
    groups = rng.gamma(1.0, 4.0, size=(6, N_GENES))
    genes = np.sort(rng.permuted(np.tile(np.arange(N_GENES), (N_CELLS, 1)), axis=1)[:, :N_PER_CELL], axis=1)
    rates = np.take_along_axis(groups[rng.integers(0, 6, N_CELLS)], genes, axis=1)
    values = 1.0 + rng.poisson(rates)
    indptr = np.arange(N_CELLS + 1, dtype=np.int32) * N_PER_CELL
    counts = sparse.csr_matrix((values.ravel().astype(np.float32), genes.ravel().astype(np.int32), indptr))
    return anndata.AnnData(counts)


@pytest.fixture(scope="module")
def n_times():
    if not hasattr(os, "memfd_create"):
        pytest.skip("needs Linux")
    if psutil.virtual_memory().available < 14 << 30:
        pytest.skip("needs 14 GiB of free memory")
    return -(-(2**31 + 1) // (N_CELLS * N_PER_CELL))


def test_counts_to_components(n_times):
    small = small_counts()
    obs = pd.DataFrame(index=pd.RangeIndex(n_times * N_CELLS).astype(str))
    large = anndata.AnnData(tiled(small.X, n_times), obs=obs, var=small.var.copy())
    assert large.X.nnz > 2**31

    sc.pp.calculate_qc_metrics(small, percent_top=(20,), inplace=True)
    cw.pp.calculate_qc_metrics(large, percent_top=(20,), inplace=True)
    for key in small.obs:
        np.testing.assert_allclose(large.obs[key], np.tile(small.obs[key], n_times), rtol=1e-5)
    for key in ("n_cells_by_counts", "total_counts"):
        np.testing.assert_allclose(large.var[key], n_times * small.var[key], rtol=1e-5)

    for adata, pp in ((small, sc.pp), (large, cw.pp)):
        pp.normalize_total(adata, target_sum=1e4)
        pp.log1p(adata)
        pp.highly_variable_genes(adata, n_top_genes=100)
    for k in (0, n_times // 2, n_times - 1):
        part = large.X.data[k * small.X.nnz : (k + 1) * small.X.nnz]
        np.testing.assert_allclose(part, small.X.data, rtol=1e-5)
    np.testing.assert_array_equal(large.var["highly_variable"], small.var["highly_variable"])
    np.testing.assert_allclose(large.var["means"], small.var["means"], rtol=1e-5)

    # The variance of a sample, once for a small number of cells and once for a large one.
    ratio = (N_CELLS - 1) / N_CELLS * large.n_obs / (large.n_obs - 1)
    np.testing.assert_allclose(large.var["dispersions"], small.var["dispersions"] + np.log(ratio), rtol=1e-4)
    for adata, pp in ((small, sc.pp), (large, cw.pp)):
        pp.pca(adata, n_comps=5, mask_var=None)
    np.testing.assert_allclose(large.uns["pca"]["variance"], ratio * small.uns["pca"]["variance"], rtol=1e-4)
    np.testing.assert_allclose(large.varm["PCs"], small.varm["PCs"], atol=1e-4)
    np.testing.assert_allclose(large.obsm["X_pca"][-N_CELLS:], small.obsm["X_pca"], atol=1e-3)
