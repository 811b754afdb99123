"""The counts room gives the same bytes at any thread count, and for 32- and 64-bit indices."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

import cellweave as cw
from support import LAYOUTS, as_bytes, assert_same_bytes_at_any_thread_count


@pytest.fixture(scope="module")
def counts(_pbmc_8batch):
    adata = _pbmc_8batch[::9, ::3].copy()
    adata.X = sparse.csr_matrix(adata.X).astype(np.float32)
    adata.obs["batch_of"] = np.array(["a", "b", "c"])[np.arange(adata.n_obs) % 3]
    adata.obs["depth"] = np.log1p(np.arange(adata.n_obs))
    adata.var_names = [f"g{i}" for i in range(adata.n_vars)]
    return adata


def chain(adata):
    cw.pp.calculate_qc_metrics(adata, inplace=True, percent_top=(3, 50))
    cw.pp.filter_cells(adata, min_genes=100)
    cw.pp.filter_genes(adata, min_cells=5)
    cw.pp.downsample_counts(adata, counts_per_cell=900)
    cw.pp.normalize_total(adata, exclude_highly_expressed=True)
    cw.pp.log1p(adata)
    cw.tl.score_genes(adata, list(adata.var_names[:40]))
    regressed = cw.pp.regress_out(adata, ["depth"], copy=True)
    combined = cw.pp.combat(adata, key="batch_of", inplace=False)
    cw.pp.scale(adata, max_value=5)
    return adata, regressed, combined


@pytest.mark.parametrize("layout", ["csr-float32", "csc-float32", "dense-float64"])
def test_same_bytes(counts, layout):
    def call():
        adata = counts[:800].copy()
        adata.X = LAYOUTS[layout](adata.X)
        return chain(adata)

    assert_same_bytes_at_any_thread_count(call)


def test_32_and_64_bit_indices_agree(counts):
    narrow, wide = counts.copy(), counts.copy()
    wide.X = LAYOUTS["csr-float32-index64"](wide.X)
    cw.pp.normalize_total(narrow)
    cw.pp.normalize_total(wide)
    assert as_bytes(narrow.X.data) == as_bytes(wide.X.data)
    for ours, theirs in zip(cw.pp.calculate_qc_metrics(narrow), cw.pp.calculate_qc_metrics(wide), strict=True):
        np.testing.assert_array_equal(ours.to_numpy(), theirs.to_numpy())
