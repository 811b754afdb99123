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

CALLS = {
    "downsample_counts": lambda a: cw.pp.downsample_counts(a, total_counts=500),
    "integrate_anndata": lambda a: cw.integrate_anndata(a, batch_key="batch", verbose=0),
    "integrate_scanpy": lambda a: cw.integrate_scanpy([a, a.copy()], verbose=0),
    "neighbors": lambda a: cw.pp.neighbors(a, n_neighbors=5, use_rep="X"),
    "pca": lambda a: cw.pp.pca(a, n_comps=5),
    "pca of chunks": lambda a: cw.pp.pca(a, n_comps=5, chunked=True, chunk_size=20),
    "pca, scaled": lambda a: cw.pp.pca(a, n_comps=5, scale=True),
    "qc": lambda a: cw.pp.calculate_qc_metrics(a, percent_top=None, inplace=True),
    "scale": cw.pp.scale,
    "scrublet": lambda a: cw.pp.scrublet(a, n_prin_comps=5, verbose=False),
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
    with refuses(adata, ValueError, "X|data"):
        CALLS[call](adata)
