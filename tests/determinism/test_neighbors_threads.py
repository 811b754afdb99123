from __future__ import annotations

import anndata
import numpy as np
import pytest

import cellweave as cw
from support import assert_same_bytes_at_any_thread_count


@pytest.mark.parametrize("method", ["umap", "gauss", "jaccard"])
def test_graph(method):
    points = np.random.default_rng(0).normal(size=(5000, 10)).astype(np.float32)
    points[100:160] = points[0]
    assert_same_bytes_at_any_thread_count(
        lambda: cw.pp.neighbors(anndata.AnnData(points), n_neighbors=10, method=method, copy=True)
    )
