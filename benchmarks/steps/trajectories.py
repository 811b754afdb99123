"""Diffusion maps, the graph of groups, and new cells in a reference."""

from __future__ import annotations

import numpy as np

from . import same_step


@same_step("diffusion map", data="neighbor_graph", cells=(50_000, 200_000), warm_up=())
def diffusion_map(adata, module):
    return lambda: module.tl.diffmap(adata)


@same_step("PAGA of 40 groups", data="neighbor_graph", cells=(50_000, 200_000), warm_up=())
def paga(adata, module):
    adata.obs["group"] = _nearest_of_40(adata.obsm["X_pca"])
    return lambda: module.tl.paga(adata, "group")


@same_step("ingest of a quarter of the cells", data="neighbor_graph")
def ingest(adata, module):
    """Into the other three quarters, from principal components to labels and UMAP."""
    reference, new = _reference_and_new(adata, module)
    return lambda: module.tl.ingest(new, reference, obs="group")


def _nearest_of_40(points: np.ndarray):
    import pandas as pd

    centers = points[np.random.default_rng(0).choice(len(points), 40, replace=False)]
    closest = ((centers**2).sum(axis=1) - 2 * points @ centers.T).argmin(axis=1)
    return pd.Categorical(closest.astype(str))


def _reference_and_new(adata, module):
    import anndata

    points = adata.obsm["X_pca"].astype(np.float32)
    is_new = np.random.default_rng(0).random(len(points)) < 0.25
    reference, new = anndata.AnnData(points[~is_new].copy()), anndata.AnnData(points[is_new].copy())
    reference.obs["group"] = _nearest_of_40(reference.X)
    module.pp.pca(reference, n_comps=30)
    module.pp.neighbors(reference, n_pcs=30)
    module.tl.umap(reference)
    return reference, new
