"""Sparse matrices whose pointers or indices lead out of their arrays: refused by every function that would follow them,
whatever scipy would do. The logarithm and normalisation touch values only, wherever those belong."""

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import cellweave as cw
from support import refuses


def _falling_pointers(matrix):
    matrix.indptr[10] = matrix.indptr[12] + 5


def _pointers_past_the_end(matrix):
    matrix.indptr[-1] += 1_000_000


def _negative_pointers(matrix):
    matrix.indptr[3] = -5


def _index_past_the_end(matrix):
    matrix.indices[7] = 4_000_000


def _negative_index(matrix):
    matrix.indices[7] = -3


DAMAGES = (_falling_pointers, _pointers_past_the_end, _negative_pointers, _index_past_the_end, _negative_index)


def _embedded(adata):
    adata = adata.copy()
    adata.obsm["X_pca"] = adata.X
    return adata


def _bystander():
    return anndata.AnnData(sparse.csr_matrix(np.random.RandomState(1).poisson(0.7, (60, 60)).astype(np.float32)))


def _doublets(adata):
    adata = adata.copy()
    adata.obsm["doublet_parents"] = np.zeros((60, 2), dtype=int)
    return adata


CALLS = {
    "bbknn": lambda a: cw.external.pp.bbknn(_embedded(a), batch_key="batch"),
    "downsample_counts": lambda a: cw.pp.downsample_counts(a, total_counts=500),
    "integrate_anndata": lambda a: cw.integrate_anndata(a, batch_key="batch", verbose=0),
    "integrate_scanpy": lambda a: cw.integrate_scanpy([a, a.copy()], verbose=0),
    "find_alignments": lambda a: cw.scanorama.find_alignments([a.X, a.X]),
    "neighbors": lambda a: cw.pp.neighbors(a, n_neighbors=5, use_rep="X"),
    "neighbors of few dimensions": lambda a: cw.pp.neighbors(_embedded(a), n_neighbors=5, use_rep="X_pca", n_pcs=9),
    "neighbors of distances": lambda a: cw.pp.neighbors(a, n_neighbors=5, distances=a.X),
    "normalize_pearson_residuals_pca": lambda a: cw.experimental.pp.normalize_pearson_residuals_pca(
        a, n_comps=5, mask_var=np.arange(60) < 40
    ),
    "pca": lambda a: cw.pp.pca(a, n_comps=5),
    "pca of chunks": lambda a: cw.pp.pca(a, n_comps=5, chunked=True, chunk_size=20),
    "pca, scaled": lambda a: cw.pp.pca(a, n_comps=5, scale=True),
    "qc": lambda a: cw.pp.calculate_qc_metrics(a, percent_top=None, inplace=True),
    "rank_genes_groups": lambda a: cw.tl.rank_genes_groups(a, "batch", method="wilcoxon"),
    "sample": lambda a: cw.pp.sample(a, n=30, rng=0, copy=True),
    "scale": cw.pp.scale,
    "scrublet": lambda a: cw.pp.scrublet(a, n_prin_comps=5, verbose=False),
    "scrublet of given doublets": lambda a: cw.pp.scrublet(_bystander(), adata_sim=_doublets(a), n_prin_comps=5),
    "sqrt": cw.pp.sqrt,
    "tsne": lambda a: cw.tl.tsne(a, use_rep="X", perplexity=3),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csc_matrix])
@pytest.mark.parametrize("call", CALLS)
def test_refused(call, make, damage):
    counts = make(np.random.RandomState(0).poisson(0.7, (60, 60)).astype(np.float32))
    adata = anndata.AnnData(counts, obs=pd.DataFrame({"batch": ["a", "b"] * 30}, index=[f"cell{k}" for k in range(60)]))
    damage(adata.X)
    with refuses(adata, ValueError, "X|data|distances"):
        CALLS[call](adata)
