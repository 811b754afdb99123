"""pp.scrublet against scanpy's, whose neighbours are searched exactly as well."""

from __future__ import annotations

import anndata
import numpy as np
import pytest
import scanpy as sc
from scipy import sparse
from sklearn.metrics import roc_auc_score
from sklearn.utils.random import sample_without_replacement

import cellweave as cw
from cellweave import _doublets
from support import assert_same_bytes_at_any_thread_count, refuses


@pytest.fixture(scope="module")
def hashed():
    """2,000 cells, doublets known from hashing, the first 4,000 genes."""
    from conftest import load

    adata = load("hto_celllines_doublets")[:, :4000].copy()
    adata.X = sparse.csr_matrix(adata.X, dtype=np.float32)
    return adata


@pytest.fixture(scope="module")
def small(hashed):
    """400 of them."""
    return hashed[:400].copy()


def both(adata, **arguments):
    ours, theirs = adata.copy(), adata.copy()
    cw.pp.scrublet(ours, **arguments)
    sc.pp.scrublet(theirs, use_approx_neighbors=False, **arguments)
    return ours, theirs


def assert_same_scores(ours, theirs):
    mine, original = ours.obs["doublet_score"].to_numpy(), theirs.obs["doublet_score"].to_numpy()
    assert mine.dtype == original.dtype
    np.testing.assert_array_equal(np.isnan(mine), np.isnan(original))
    known = ~np.isnan(mine)
    assert np.corrcoef(mine[known], original[known])[0, 1] > 0.999
    assert ours.obs["predicted_doublet"].dtype == theirs.obs["predicted_doublet"].dtype


def test_equals_scanpy(hashed):
    ours, theirs = both(hashed)
    assert_same_scores(ours, theirs)
    mine, original = ours.uns["scrublet"], theirs.uns["scrublet"]
    np.testing.assert_array_equal(mine["doublet_parents"], original["doublet_parents"])
    assert mine.keys() == original.keys()
    assert mine["parameters"] == original["parameters"]
    # simulated doublets with a parent in common may be exact twins: which of them counts as a neighbour is a tie
    assert np.corrcoef(mine["doublet_scores_sim"], original["doublet_scores_sim"])[0, 1] > 0.99
    if "threshold" in original:
        assert mine["threshold"] == pytest.approx(original["threshold"], abs=0.01)
        differ = (ours.obs["predicted_doublet"] != theirs.obs["predicted_doublet"]).to_numpy()
        distance = np.abs(theirs.obs["doublet_score"].to_numpy() - original["threshold"])
        assert distance[differ].max(initial=0) < 0.02
    truth = next(c for c in hashed.obs.columns if "doublet" in hashed.obs[c].astype(str).str.lower().unique())
    is_doublet = hashed.obs[truth].astype(str).str.lower() == "doublet"
    areas = [roc_auc_score(is_doublet, a.obs["doublet_score"]) for a in (ours, theirs)]
    assert areas[0] > areas[1] - 0.002


@pytest.mark.parametrize(
    "arguments",
    [
        {"log_transform": True},
        {"mean_center": False},
        {"normalize_variance": False},
        {"mean_center": False, "normalize_variance": False},
        {"knn_dist_metric": "cosine", "n_prin_comps": 12},
        {"expected_doublet_rate": 0.1, "n_neighbors": 9, "sim_doublet_ratio": 1.5},
        {"threshold": 0.2},
        {"random_state": 7},
        {"synthetic_doublet_umi_subsampling": 0.7},
    ],
    ids=str,
)
def test_arguments(small, arguments):
    ours, theirs = both(small, **arguments)
    assert_same_scores(ours, theirs)
    assert ours.uns["scrublet"]["parameters"] == theirs.uns["scrublet"]["parameters"]


def test_batches(small):
    adata = small.copy()
    adata.obs["sample"] = np.where(np.arange(adata.n_obs) % 2, "b", "a")
    ours, theirs = both(adata, batch_key="sample")
    assert_same_scores(ours, theirs)
    assert ours.uns["scrublet"]["batched_by"] == "sample"
    assert ours.uns["scrublet"]["batches"].keys() == theirs.uns["scrublet"]["batches"].keys()
    assert list(ours.obs.columns) == list(theirs.obs.columns)


def test_cells_without_genes_have_no_score(small):
    adata = small.copy()
    emptied = adata.X.tolil()
    emptied[3] = 0
    adata.X = emptied.tocsr()
    ours, theirs = both(adata)
    assert np.isnan(ours.obs["doublet_score"].iloc[3])
    assert_same_scores(ours, theirs)


def test_given_doublets(small):
    chosen = small[:, np.asarray((small.X > 0).sum(axis=0)).ravel() > 60].copy()
    simulated = cw.pp.scrublet_simulate_doublets(chosen)
    original = sc.pp.scrublet_simulate_doublets(chosen)
    assert simulated.X.format == original.X.format
    np.testing.assert_array_equal(simulated.X.toarray(), original.X.toarray())
    np.testing.assert_array_equal(simulated.obs["n_counts"], original.obs["n_counts"])
    np.testing.assert_array_equal(simulated.obsm["doublet_parents"], original.obsm["doublet_parents"])
    assert simulated.uns["scrublet"] == original.uns["scrublet"]
    for cells in (chosen, simulated, original):
        sc.pp.normalize_total(cells, target_sum=1e4)
    ours, theirs = chosen.copy(), chosen.copy()
    cw.pp.scrublet(ours, simulated, get_doublet_neighbor_parents=True)
    sc.pp.scrublet(theirs, original, use_approx_neighbors=False, get_doublet_neighbor_parents=True)
    assert_same_scores(ours, theirs)
    parents = ours.uns["scrublet"]["doublet_neighbor_parents"], theirs.uns["scrublet"]["doublet_neighbor_parents"]
    assert np.mean([np.array_equal(a, b) for a, b in zip(*parents, strict=True)]) > 0.9


def test_layouts_agree(small):
    expected = small.copy()
    cw.pp.scrublet(expected)
    for matrix in (small.X.tocsc(), small.X.toarray(), small.X.astype(np.int64)):
        other = anndata.AnnData(matrix)
        cw.pp.scrublet(other)
        np.testing.assert_allclose(other.obs["doublet_score"], expected.obs["doublet_score"], atol=0.03)


def test_copy_and_input_untouched(small):
    before = small.X.copy()
    columns = list(small.obs.columns)
    returned = cw.pp.scrublet(small, copy=True)
    assert "doublet_score" in returned.obs
    assert list(small.obs.columns) == columns
    assert (before != small.X).nnz == 0


@pytest.mark.parametrize(("n", "n_pairs"), [(700, 1400), (30, 60), (5, 25), (300, 90)])
def test_pairs_are_those_of_scikit_learn(n, n_pairs):
    mine, original = np.random.RandomState(3), np.random.RandomState(3)
    expected = sample_without_replacement(n * n, n_pairs, random_state=original)
    pairs = _doublets.distinct_pairs(n, n_pairs, mine)
    if n_pairs < n * n:
        np.testing.assert_array_equal(pairs[:, 0] * n + pairs[:, 1], expected)
        assert mine.randint(10**9) == original.randint(10**9)
    assert len({tuple(p) for p in pairs}) == n_pairs


@pytest.mark.parametrize("seed", range(5))
def test_threshold_is_that_of_scikit_image(seed):
    from skimage.filters import threshold_minimum

    random = np.random.default_rng(seed)
    two = np.concatenate([random.normal(0.1, 0.03, 900), random.normal(0.5, 0.08, 300 + 50 * seed)])
    assert _doublets.threshold_between_modes(two) == threshold_minimum(two)
    one = random.normal(0.1, 0.01, 1000) ** 2
    try:
        expected = threshold_minimum(one)
    except RuntimeError:
        expected = None
    assert _doublets.threshold_between_modes(one) == expected


def test_same_bytes_at_any_thread_count(small):
    def call():
        adata = small[:150].copy()
        cw.pp.scrublet(adata, n_prin_comps=5)
        return adata

    assert_same_bytes_at_any_thread_count(call)


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"batch_key": "absent"}, ValueError, "batch_key"),
        ({"n_prin_comps": 5000}, ValueError, "n_prin_comps=5000"),
        ({"sim_doublet_ratio": 0}, ValueError, "sim_doublet_ratio"),
        ({"sim_doublet_ratio": 1e6}, ValueError, "lower sim_doublet_ratio"),
        ({"sim_doublet_ratio": "two"}, TypeError, "sim_doublet_ratio"),
        ({"expected_doublet_rate": 2}, ValueError, "expected_doublet_rate"),
        ({"threshold": "high"}, TypeError, "threshold"),
        ({"n_neighbors": -1}, ValueError, "n_neighbors"),
    ],
)
def test_bad_arguments(small, arguments, error, match):
    adata = small[:120].copy()
    with refuses(adata, error, match):
        cw.pp.scrublet(adata, **arguments)


def test_bad_counts(small):
    empty = anndata.AnnData(sparse.csr_matrix((50, 40), dtype=np.float32))
    with refuses(empty, ValueError, "no usable counts"):
        cw.pp.scrublet(empty)
    broken = small[:100].copy()
    broken.X.data[5] = np.nan
    with refuses(broken, ValueError, "NaN or infinite"):
        cw.pp.scrublet(broken)
