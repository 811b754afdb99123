"""Choice of variable genes, and Pearson residuals."""

from __future__ import annotations

import numpy as np
from data import normalized

from . import same_step, step
from .preprocess import _brisc

BATCHES = ("a", "b", "c", "d")


def _in_batches(adata):
    adata.obs["letter"] = np.array(BATCHES)[np.arange(adata.n_obs) % len(BATCHES)]
    adata.obs["letter"] = adata.obs["letter"].astype("category")
    return adata


@same_step("variable genes, seurat", data="counts")
def seurat(adata, module):
    normalized(adata)
    return lambda: module.pp.highly_variable_genes(adata, n_top_genes=2_000)


@same_step("variable genes, seurat, 4 batches", data="counts")
def seurat_in_batches(adata, module):
    _in_batches(normalized(adata))
    return lambda: module.pp.highly_variable_genes(adata, n_top_genes=2_000, batch_key="letter")


@same_step("variable genes, seurat_v3", data="counts")
def seurat_v3(adata, module):
    return lambda: module.pp.highly_variable_genes(adata, n_top_genes=2_000, flavor="seurat_v3")


@same_step("variable genes, seurat_v3, 4 batches", data="counts")
def seurat_v3_in_batches(adata, module):
    _in_batches(adata)
    return lambda: module.pp.highly_variable_genes(adata, n_top_genes=2_000, flavor="seurat_v3", batch_key="letter")


@same_step("variable genes, Pearson residuals", data="counts", cells=(14_000,))
def pearson_residuals(adata, module):
    return lambda: module.experimental.pp.highly_variable_genes(adata, n_top_genes=2_000)


@same_step("normalize to Pearson residuals, 2,000 genes", data="counts", cells=(14_000,))
def normalize_pearson_residuals(adata, module):
    genes = adata[:, :: adata.n_vars // 2_000].copy()
    return lambda: module.experimental.pp.normalize_pearson_residuals(genes)


@step("variable genes, seurat", tool="autozyme", data="counts", warm_up=True)
def seurat_autozyme(adata):
    import autozyme
    import scanpy as sc

    autozyme.activate("scanpy")
    normalized(adata)
    return lambda: sc.pp.highly_variable_genes(adata, n_top_genes=2_000)


@step("variable genes, seurat_v3", tool="brisc", data="counts", warm_up=True)
def seurat_v3_brisc(adata):
    cells = _brisc(adata)
    return lambda: cells.hvg(QC_column=None, num_genes=2_000, overwrite=True)
