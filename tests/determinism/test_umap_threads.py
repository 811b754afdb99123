"""UMAP is the same bytes at any number of threads."""

from __future__ import annotations

import anndata
import numpy as np
import pytest
from scipy import sparse

import cellweave as cw
from support import assert_same_bytes_at_any_thread_count


@pytest.mark.parametrize("n_components", [2, 4])
@pytest.mark.parametrize("n_parts", [1, 3])
def test_umap(n_components, n_parts):
    random = np.random.default_rng(0)
    n, n_edges = 3000, 30000
    rows, columns = random.integers(0, n, (2, n_edges))
    within = rows % n_parts == columns % n_parts
    weights = sparse.csr_matrix((random.random(n_edges)[within], (rows[within], columns[within])), shape=(n, n))
    weights = (weights + weights.T).tocsr().astype(np.float32)

    def call():
        adata = anndata.AnnData(np.ones((n, 1), np.float32))
        adata.obsp["connectivities"] = weights
        adata.uns["neighbors"] = {"connectivities_key": "connectivities", "params": {"method": "umap"}}
        cw.tl.umap(adata, n_components=n_components, maxiter=30)
        return adata.obsm["X_umap"]

    assert_same_bytes_at_any_thread_count(call)
