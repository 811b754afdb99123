"""From raw counts to scaled genes, and scores."""

from __future__ import annotations

import numpy as np
from data import normalized, widely_expressed

from . import same_step, step

TOP = (50, 100, 200, 500)


def _marked(adata):
    adata.var["mt"] = np.arange(adata.n_vars) % 1500 == 0
    return adata


@same_step("QC metrics", data="counts")
def qc(adata, module):
    _marked(adata)
    return lambda: module.pp.calculate_qc_metrics(adata, qc_vars=["mt"], percent_top=TOP, inplace=True)


@same_step("QC metrics, cells alone", data="counts")
def qc_cells(adata, module):
    """Counts, genes and the mitochondrial share of every cell."""
    _marked(adata)
    table = module.pp.describe_obs if module.__name__ == "cellweave" else module.preprocessing._qc.describe_obs
    return lambda: table(adata, qc_vars=["mt"], percent_top=None, log1p=False, inplace=True)


@same_step("filter cells and genes", data="counts")
def filter_both(adata, module):
    n_genes = np.diff(adata.X.indptr)
    least = int(np.quantile(n_genes, 0.02))

    def call():
        module.pp.filter_cells(adata, min_genes=least)
        module.pp.filter_genes(adata, min_cells=50)

    return call


@same_step("normalize and log1p", data="counts")
def normalize(adata, module):
    def call():
        module.pp.normalize_total(adata, target_sum=1e4)
        module.pp.log1p(adata)

    return call


@same_step("scale 2,000 genes, max 10", data="counts")
def scale(adata, module):
    genes = widely_expressed(normalized(adata), 2_000)
    return lambda: module.pp.scale(genes, max_value=10)


@same_step("regress out 2 keys, 2,000 genes", data="counts", cells=(14_000,))
def regress_out(adata, module):
    adata.obs["total"] = np.asarray(adata.X.sum(axis=1)).ravel()
    adata.obs["part"] = np.asarray(adata.X[:, ::1500].sum(axis=1)).ravel() / adata.obs["total"]
    genes = widely_expressed(normalized(adata), 2_000)
    return lambda: module.pp.regress_out(genes, ["total", "part"])


@same_step("score 50 genes", data="counts")
def score_genes(adata, module):
    normalized(adata)
    genes = list(adata.var_names[::400])
    return lambda: module.tl.score_genes(adata, genes)


def _brisc(adata):
    import polars as pl
    from brisc import SingleCell

    obs = pl.DataFrame({"cell": adata.obs_names.to_numpy().astype(str)})
    var = pl.DataFrame({"gene": adata.var_names.to_numpy().astype(str)})
    return SingleCell(X=adata.X, obs=obs, var=var, uns={"QCed": True})


@step("normalize and log1p", tool="brisc", data="counts", warm_up=True)
def normalize_brisc(adata):
    cells = _brisc(adata)
    return lambda: cells.normalize(QC_column=None)


@step("QC metrics", tool="brisc", data="counts", warm_up=True)
@step("QC metrics, cells alone", tool="brisc", data="counts", warm_up=True)
def qc_brisc(adata):
    """Counts, genes and the mitochondrial share of every cell, and nothing else."""
    _marked(adata)
    adata.var_names = np.where(adata.var["mt"], "MT-", "") + adata.var_names.to_numpy().astype(str)
    cells = _brisc(adata)
    return lambda: cells.qc_metrics(allow_float=True)


def _crest(adata):
    import crest

    return crest, crest.BioFrame.from_scipy(adata.X)


@step("QC metrics", tool="crest-sc", data="counts", warm_up=True)
def qc_crest(adata):
    crest, cells = _crest(adata)
    return lambda: crest.pp.calculate_qc_metrics(cells, mito_prefix="1")


@step("filter cells and genes", tool="crest-sc", data="counts", warm_up=True)
def filter_crest(adata):
    crest, cells = _crest(adata)
    least = int(np.quantile(np.diff(adata.X.indptr), 0.02))
    return lambda: crest.pp.filter_genes(crest.pp.filter_cells(cells, min_genes=least), min_cells=50)
