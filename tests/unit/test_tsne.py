"""t-SNE: keys, affinities, groups, threads and wrong input."""

from __future__ import annotations

import anndata
import numpy as np
import pytest

import cellweave as cw
from support import assert_same_bytes_at_any_thread_count, refuses


def groups_of_cells(n_cells: int, n_groups: int = 3) -> anndata.AnnData:
    random = np.random.default_rng(0)
    group = np.arange(n_cells) % n_groups
    points = random.normal(size=(n_cells, 10)) + 12 * np.eye(10)[group]
    adata = anndata.AnnData(points.astype(np.float32))
    adata.obs["group"] = group
    return adata


@pytest.mark.parametrize("n_cells", [300, 4100])
def test_groups_lie_apart(n_cells):
    from sklearn.metrics import silhouette_score

    adata = groups_of_cells(n_cells)
    assert cw.tl.tsne(adata, learning_rate="auto", perplexity=20, max_iter=300) is None
    assert adata.obsm["X_tsne"].shape == (n_cells, 2)
    assert adata.obsm["X_tsne"].dtype == np.float32
    assert silhouette_score(adata.obsm["X_tsne"], adata.obs["group"]) > 0.5


def test_keys():
    adata = groups_of_cells(60)
    result = cw.tl.tsne(adata, perplexity=5, use_rep="X", key_added="mine", max_iter=5, copy=True)
    assert "mine" not in adata.obsm
    assert set(result.uns["mine"]["params"]) == {
        "perplexity",
        "early_exaggeration",
        "learning_rate",
        "n_jobs",
        "metric",
        "use_rep",
        "n_components",
    }


def test_other_dimensions_are_scikit_learns():
    adata = groups_of_cells(60)
    cw.tl.tsne(adata, n_components=3, perplexity=5, learning_rate="auto", max_iter=250)
    assert adata.obsm["X_tsne"].shape == (60, 3)
    assert adata.obsm["X_tsne"].dtype == np.float32
    assert adata.uns["tsne"]["params"]["n_components"] == 3


def test_old_positional_arguments():
    by_position, by_name = groups_of_cells(60), groups_of_cells(60)
    with pytest.warns(FutureWarning, match="no longer positional"):
        cw.tl.tsne(by_position, 5, "X", 7)
    cw.tl.tsne(by_name, 5, use_rep="X", perplexity=7)
    np.testing.assert_array_equal(by_position.obsm["X_tsne"], by_name.obsm["X_tsne"])


def test_coinciding_cells():
    adata = anndata.AnnData(np.zeros((50, 3), np.float32))
    cw.tl.tsne(adata, perplexity=5, max_iter=50)
    assert np.isfinite(adata.obsm["X_tsne"]).all()


def test_other_metrics():
    for metric in ("cosine", "chebyshev"):
        adata = groups_of_cells(60)
        cw.tl.tsne(adata, perplexity=5, metric=metric, max_iter=5)
        assert np.isfinite(adata.obsm["X_tsne"]).all()


@pytest.mark.parametrize("n_cells", [200, 4100])
def test_threads(n_cells):
    def call():
        adata = groups_of_cells(n_cells)
        cw.tl.tsne(adata, perplexity=10, learning_rate="auto", max_iter=8)
        return adata.obsm["X_tsne"]

    assert_same_bytes_at_any_thread_count(call)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"perplexity": 60}, "perplexity must be above 1 and below the number of cells, 60"),
        ({"perplexity": 1}, "perplexity must be above 1"),
        ({"n_components": 0}, "n_components must be a whole number of at least 1"),
        ({"learning_rate": 0}, "learning_rate must be finite and positive"),
        ({"learning_rate": "fast"}, "learning_rate must be finite and positive, or 'auto'"),
        ({"early_exaggeration": 0.5}, "early_exaggeration must be finite and at least 1"),
        ({"max_iter": -1}, "max_iter must be a whole number"),
        ({"use_rep": "X_none"}, "Did not find X_none"),
    ],
)
def test_wrong_arguments(arguments, message):
    adata = groups_of_cells(60)
    with refuses(adata, ValueError, message):
        cw.tl.tsne(adata, **({"perplexity": 5} | arguments))


def test_missing_values():
    adata = groups_of_cells(60)
    adata.X[3, 2] = np.nan
    with refuses(adata, ValueError, "NaN"):
        cw.tl.tsne(adata, perplexity=5)
