"""The recipes equal scanpy's."""

import warnings

import numpy as np
import pytest

import cellweave as cw

sc = pytest.importorskip("scanpy")


def both(adata, name, **arguments):
    mine, expected = adata.copy(), adata.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        getattr(cw.pp, name)(mine, **arguments)
        getattr(sc.pp, name)(expected, **arguments)
    assert list(mine.var_names) == list(expected.var_names)
    assert list(mine.obs_names) == list(expected.obs_names)
    assert list(mine.obs.columns) == list(expected.obs.columns)
    assert list(mine.var.columns) == list(expected.var.columns)
    np.testing.assert_allclose(mine.X, expected.X, rtol=1e-4, atol=1e-4)
    return mine, expected


@pytest.mark.parametrize("log", [True, False])
def test_seurat(rnamix, log):
    both(rnamix[:, :6000].copy(), "recipe_seurat", log=log)


@pytest.mark.parametrize("log", [True, False])
def test_zheng17(paul15, log):
    both(paul15[:600].copy(), "recipe_zheng17", n_top_genes=300, log=log)


def test_weinreb17(paul15):
    adata = paul15[:300].copy()
    adata.X = adata.X.toarray()
    mine, expected = both(adata, "recipe_weinreb17", n_pcs=5)
    overlap = np.linalg.svd(np.linalg.qr(mine.obsm["X_pca"])[0].T @ np.linalg.qr(expected.obsm["X_pca"])[0])[1]
    assert overlap.min() > 0.99


def test_copy_leaves_the_original(paul15):
    before = paul15.X.copy()
    changed = cw.pp.recipe_zheng17(paul15, n_top_genes=100, copy=True)
    assert changed.n_vars == 100
    assert abs(paul15.X - before).max() == 0


def test_sparse_weinreb_is_refused(paul15):
    with pytest.raises(ValueError, match="does not support sparse"):
        cw.pp.recipe_weinreb17(paul15)
