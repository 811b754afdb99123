from __future__ import annotations

import logging

import anndata
import numpy as np
import pytest
from scipy import sparse

import cellweave as cw
from support import refuses


@pytest.fixture
def cells():
    points = np.random.default_rng(0).normal(size=(60, 8)).astype(np.float32)
    return anndata.AnnData(points, obsm={"X_pca": points[:, :5].copy()})


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"n_neighbors": 1}, ValueError, "n_neighbors must be at least 2"),
        ({"n_neighbors": 0}, ValueError, "n_neighbors must be a whole number of at least 1"),
        ({"n_neighbors": 2.5}, TypeError, "n_neighbors must be a whole number"),
        ({"metric": "parsec"}, ValueError, "parsec"),
        ({"method": "umpa"}, ValueError, "method must be one of"),
        ({"knn": False}, ValueError, "works only with knn=True"),
        ({"transformer": "annoy"}, ValueError, "Unknown transformer: annoy"),
        ({"transformer": "rapids"}, ValueError, "rapids_singlecell"),
        ({"use_rep": "X_scvi"}, ValueError, "Did not find X_scvi"),
        ({"use_rep": "X_pca", "n_pcs": 6}, ValueError, "n_pcs=6, but adata.obsm\\['X_pca'\\] has 5 dimensions"),
        ({"n_pcs": -1}, ValueError, "n_pcs must be a whole number of at least 0"),
        ({"distances": np.zeros((3, 3))}, ValueError, "distances must be 60 x 60"),
        ({"distances": sparse.eye(60, format="csr")}, ValueError, "hold 0 neighbour"),
        ({"distances": (np.zeros((60, 3), int), np.zeros((60, 3)))}, ValueError, "two arrays of 60 x 15 were expected"),
        ({"distances": (np.zeros((60, 15), int), np.zeros((60, 15)))}, ValueError, "must be the cell itself"),
        ({"distances": (np.full((60, 15), 60), np.zeros((60, 15)))}, ValueError, "numbers of cells, 0 to 59"),
        ({"distances": np.eye(60), "metric": max}, TypeError, "metric must be a string"),
    ],
    ids=str,
)
def test_refuses(cells, arguments, error, match):
    with refuses(cells, error, match):
        cw.pp.neighbors(cells, **arguments)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("metric", ["euclidean", "cosine", "chebyshev"])
def test_refuses_what_is_not_finite(cells, value, metric):
    cells.X[3, 3] = value
    with refuses(cells, ValueError, "adata.X holds 1 NaN or infinite"):
        cw.pp.neighbors(cells, metric=metric)


def test_too_few_cells(cells, caplog):
    one = cells[:1].copy()
    with refuses(one, ValueError, "with 1 cell"):
        cw.pp.neighbors(one)
    few = cells[:9].copy()
    with caplog.at_level(logging.WARNING, logger="cellweave"):
        cw.pp.neighbors(few)
    assert "adjusting to `n_neighbors = 5`" in caplog.text
    assert few.uns["neighbors"]["params"]["n_neighbors"] == 5


def test_duplicated_cells_and_constant_columns_have_a_graph(cells):
    cells.X[:40] = 1
    cells.X[:, 2:] = 7
    for method in ("umap", "gauss", "jaccard"):
        cw.pp.neighbors(cells, method=method)
        graph = cells.obsp["connectivities"]
        assert np.isfinite(graph.data).all()
        assert abs(graph - graph.T).max() == 0
        assert (cells.obsp["distances"].indices.reshape(60, 14) != np.arange(60)[:, None]).all()


def test_metric_without_engine_says_who_searches(cells, caplog):
    cw.settings.verbosity = 2
    try:
        with caplog.at_level(logging.INFO, logger="cellweave"):
            cw.pp.neighbors(cells, metric="chebyshev")
    finally:
        cw.settings.verbosity = 1
    assert "scikit-learn searches, because the engine has no metric 'chebyshev'" in caplog.text


def test_ignored_arguments_are_named(cells):
    indices = np.argsort(np.random.default_rng(0).random((60, 60)), axis=1)
    indices = np.array([[i, *row[row != i]] for i, row in enumerate(indices)])[:, :15]
    with pytest.warns(UserWarning, match="ignored if `distances` is given: {'n_pcs'}"):
        cw.pp.neighbors(cells, distances=(indices, np.sort(np.random.default_rng(0).random((60, 15)))), n_pcs=3)
