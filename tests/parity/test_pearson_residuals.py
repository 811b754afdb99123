"""Pearson residuals equal scanpy's: genes, values, keys, warnings."""

import warnings

import numpy as np
import pandas as pd
import pytest

import cellweave as cw
from support import LAYOUTS

sc = pytest.importorskip("scanpy")
ours, theirs = cw.experimental.pp, sc.experimental.pp


def some_genes(adata, n_cells=700, n_genes=1500):
    adata = adata[:: max(1, adata.n_obs // n_cells)].copy()
    n_cells_with = np.asarray((adata.X > 0).sum(axis=0)).ravel()
    adata = adata[:, np.sort(np.argsort(-n_cells_with, kind="stable")[:n_genes])].copy()
    adata.obs["letter"] = np.array(["b", "a"])[np.arange(adata.n_obs) % 2]
    return adata


def quietly(function, *arguments, **keywords):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*arguments, **keywords)


@pytest.mark.parametrize("data", ["pbmc_8batch", "paul15", "kang"])
@pytest.mark.parametrize("batch_key", [None, "letter"])
@pytest.mark.parametrize("arguments", [{}, {"theta": 10, "clip": 5}, {"subset": True}])
def test_variable_genes(request, data, batch_key, arguments):
    adata = some_genes(request.getfixturevalue(data))
    adata.X = LAYOUTS["csr-float64"](adata.X)
    arguments = {"n_top_genes": 300, "batch_key": batch_key, **arguments}
    mine, expected = adata.copy(), adata.copy()
    quietly(ours.highly_variable_genes, mine, **arguments)
    quietly(theirs.highly_variable_genes, expected, **arguments)
    pd.testing.assert_frame_equal(mine.var, expected.var, rtol=1e-9)
    assert mine.uns["hvg"] == expected.uns["hvg"]
    table = quietly(ours.highly_variable_genes, adata, **arguments, inplace=False)
    pd.testing.assert_frame_equal(
        table, quietly(theirs.highly_variable_genes, adata, **arguments, inplace=False), rtol=1e-9
    )


@pytest.mark.parametrize("clip", [None, 3.0])
@pytest.mark.parametrize("layout", ["csr-float32", "csr-int32", "csc-float32", "dense-float32", "dense-fortran"])
def test_residuals(paul15, layout, clip):
    adata = some_genes(paul15, 400, 500)
    adata.X = LAYOUTS[layout](adata.X)
    mine = quietly(ours.normalize_pearson_residuals, adata, clip=clip, inplace=False)
    expected = quietly(theirs.normalize_pearson_residuals, adata, clip=clip, inplace=False)
    assert mine["X"].dtype == expected["X"].dtype
    np.testing.assert_allclose(mine["X"], expected["X"], rtol=1e-5, atol=1e-5)
    assert {k: v for k, v in mine.items() if k != "X"} == {k: v for k, v in expected.items() if k != "X"}
    changed = quietly(ours.normalize_pearson_residuals, adata, clip=clip, copy=True)
    np.testing.assert_array_equal(changed.X, mine["X"])
    assert changed.uns["pearson_residuals_normalization"]["computed_on"] == "adata.X"


@pytest.mark.parametrize("inplace", [True, False])
def test_recipe_and_pca(paul15, inplace):
    adata = some_genes(paul15, 300, 600)
    arguments = {"n_top_genes": 100, "n_comps": 10, "inplace": inplace}
    mine, expected = adata.copy(), adata.copy()
    got = quietly(ours.recipe_pearson_residuals, mine, **arguments)
    want = quietly(theirs.recipe_pearson_residuals, expected, **arguments)
    if not inplace:
        pd.testing.assert_frame_equal(got[1], want[1], rtol=1e-4)
        mine, expected = got[0], want[0]
    for key in ("variance", "variance_ratio"):
        np.testing.assert_allclose(mine.uns["pca"][key], expected.uns["pca"][key], rtol=1e-3)
    assert set(mine.uns["pearson_residuals_normalization"]) == set(expected.uns["pearson_residuals_normalization"])
    assert mine.varm["PCs"].shape == expected.varm["PCs"].shape

    alone = adata.copy()
    quietly(ours.normalize_pearson_residuals_pca, alone, n_comps=10, mask_var=None)
    reference = adata.copy()
    quietly(theirs.normalize_pearson_residuals_pca, reference, n_comps=10, mask_var=None)
    np.testing.assert_allclose(alone.uns["pca"]["variance"], reference.uns["pca"]["variance"], rtol=1e-3)
