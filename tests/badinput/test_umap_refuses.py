"""Wrong input to UMAP: an error that says what was wrong, and an untouched AnnData."""

from __future__ import annotations

import anndata
import numpy as np
import pytest
from scipy import sparse

import cellweave as cw
from support import refuses


@pytest.fixture
def adata():
    cells = np.arange(60)
    forward = sparse.csr_matrix((np.ones(60, np.float32), (cells, (cells + 1) % 60)), shape=(60, 60))
    adata = anndata.AnnData(np.ones((60, 3), np.float32))
    adata.obsp["connectivities"] = (forward + forward.T).tocsr()
    adata.uns["neighbors"] = {"connectivities_key": "connectivities", "params": {"method": "umap"}}
    return adata


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n_components": 0}, ValueError, "n_components must be a whole number of at least 1"),
        ({"n_components": 60}, ValueError, "n_components must be below the number of cells, 60"),
        ({"maxiter": -1}, ValueError, "maxiter must be a whole number of at least 0"),
        ({"negative_sample_rate": -1}, ValueError, "negative_sample_rate must be a whole number"),
        ({"alpha": 0}, ValueError, "alpha must be finite and positive"),
        ({"alpha": np.nan}, ValueError, "alpha must be finite and positive"),
        ({"gamma": -1}, ValueError, "gamma must be finite and not negative"),
        ({"a": -1, "b": 1}, ValueError, "a and b must be finite and positive"),
        ({"min_dist": -0.1}, ValueError, "min_dist must lie between 0 and 3 x spread"),
        ({"spread": 0}, ValueError, "spread must be finite and positive"),
        ({"init_pos": "X_none"}, KeyError, "init_pos 'X_none' is neither"),
        ({"init_pos": np.zeros((60, 3))}, ValueError, r"init_pos must be numbers of shape \(60, 2\)"),
        ({"init_pos": np.full((60, 2), np.nan)}, ValueError, "init_pos holds 120 NaN or infinite"),
        ({"init_pos": "paga"}, ValueError, "Plot PAGA first"),
        ({"neighbors_key": "none"}, ValueError, "Did not find .uns"),
        ({"method": "rapids"}, NotImplementedError, "GPU"),
        ({"method": "tsne"}, ValueError, "method must be 'umap'"),
        ({"random_state": "seed"}, TypeError, "random_state must be"),
    ],
)
def test_arguments(adata, arguments, error, message):
    with refuses(adata, error, message):
        cw.tl.umap(adata, **arguments)


def test_without_neighbors(adata):
    del adata.uns["neighbors"]
    with refuses(adata, ValueError, r"Did not find .uns\['neighbors'\]. Run `pp.neighbors` first."):
        cw.tl.umap(adata)


@pytest.mark.parametrize("weight", [np.nan, np.inf, -1.0])
def test_weights(adata, weight):
    adata.obsp["connectivities"].data[7] = weight
    with refuses(adata, ValueError, "weights must be finite and not negative"):
        cw.tl.umap(adata)


def test_broken_structure(adata):
    adata.obsp["connectivities"].indices[3] = 1000
    with refuses(adata, ValueError, "connectivities"):
        cw.tl.umap(adata)
