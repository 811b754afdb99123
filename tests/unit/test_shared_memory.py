"""What else holds a matrix does not see what a call does to its own: parents of views, layers, raw, the caller."""

from __future__ import annotations

import warnings

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import cellweave as cw
from support import as_bytes


@pytest.fixture
def counts():
    return np.random.RandomState(0).poisson(2.0, (90, 40)).astype(np.float32) + 1


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def normalized(adata):
    cw.pp.normalize_total(adata, target_sum=1e4)
    cw.pp.log1p(adata)


CALLS = {
    "filter_cells": lambda a: (cw.pp.filter_cells(a, min_counts=1), normalized(a)),
    "filter_genes": lambda a: (cw.pp.filter_genes(a, min_counts=1), normalized(a)),
    "normalize_per_cell": cw.pp.normalize_per_cell,
    "pearson residuals": cw.experimental.pp.normalize_pearson_residuals,
    "combat": lambda a: cw.pp.combat(a, key="batch"),
    "scale": cw.pp.scale,
    "regress_out": lambda a: cw.pp.regress_out(a, "depth"),
}
LAYOUTS = {"dense": np.array, "csr": sparse.csr_matrix, "csc": sparse.csc_matrix, "integers": lambda m: m.astype(int)}


def annotated(matrix):
    adata = anndata.AnnData(matrix)
    adata.obs["batch"] = pd.Categorical(["a", "b"] * (adata.n_obs // 2))
    adata.obs["depth"] = np.arange(adata.n_obs, dtype=float)
    return adata


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("call", CALLS)
def test_the_parent_of_a_view(counts, call, layout):
    if (call, layout) == ("normalize_per_cell", "integers"):
        pytest.skip("refused: it would have to work in place")
    parent = annotated(LAYOUTS[layout](counts))
    before = as_bytes(parent)
    for view in (parent[:60], parent[:, :20], parent[::2]):
        CALLS[call](view)
        assert not view.is_view
        assert type(view.X) in (np.ndarray, sparse.csr_matrix, sparse.csc_matrix)
    assert as_bytes(parent) == before


@pytest.mark.parametrize("layout", ["dense", "csr"])
@pytest.mark.parametrize("call", ["filter_cells", "filter_genes"])
def test_a_layer_that_was_the_same_matrix(counts, call, layout):
    adata = annotated(LAYOUTS[layout](counts))
    adata.layers["counts"] = adata.X
    CALLS[call](adata)
    layer = adata.layers["counts"]
    np.testing.assert_array_equal(layer.toarray() if sparse.issparse(layer) else layer, counts)


def test_combat_leaves_raw_and_the_callers_array_alone(counts):
    matrix = counts.astype(float)
    adata = annotated(matrix)
    adata.raw = adata
    before = matrix.copy()
    cw.pp.combat(adata, key="batch")
    np.testing.assert_array_equal(adata.raw.X, before)
    np.testing.assert_array_equal(matrix, before)


def test_residuals_of_integers_in_a_view_are_fractions(counts):
    view = annotated(counts.astype(int))[:60]
    whole = annotated(counts[:60].astype(int))
    for adata in (view, whole):
        cw.experimental.pp.normalize_pearson_residuals(adata)
    assert view.X.dtype == np.float64
    np.testing.assert_array_equal(view.X, whole.X)
