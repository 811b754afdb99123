"""Diffusion maps and the mapping of new cells are the same bytes at any number of threads."""

from __future__ import annotations

import anndata
import numpy as np

import cellweave as cw
from graphs import planted
from support import assert_same_bytes_at_any_thread_count


def test_diffmap():
    def call():
        adata = planted(n_blocks=30)
        cw.tl.diffmap(adata)
        return adata.obsm["X_diffmap"]

    assert_same_bytes_at_any_thread_count(call)


def test_ingest():
    random = np.random.default_rng(0)
    points = random.standard_normal((700, 8)).astype(np.float32)
    reference = anndata.AnnData(points[:500].copy())
    reference.obs["group"] = np.where(points[:500, 0] < 0, "left", "right")
    cw.pp.pca(reference, n_comps=5)
    cw.pp.neighbors(reference, use_rep="X_pca")
    cw.tl.umap(reference, maxiter=20)

    def call():
        new = anndata.AnnData(points[500:].copy())
        cw.tl.ingest(new, reference, obs="group")
        return new

    assert_same_bytes_at_any_thread_count(call)
