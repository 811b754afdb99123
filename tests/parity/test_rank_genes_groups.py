"""Genes of groups are ranked as scanpy ranks them: same genes in the same order, same scores and p-values."""

from __future__ import annotations

import warnings

import anndata
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from scipy import sparse

import cellweave as cw
from support import LAYOUTS, assert_same_bytes_at_any_thread_count, refuses

METHODS = ("t-test", "t-test_overestim_var", "wilcoxon")


@pytest.fixture(scope="module")
def logged(_kang):
    """Labelled cells, log-normalised, with genes that nothing tells apart."""
    adata = _kang[:, ::4].copy()
    adata.X = sparse.csr_matrix(adata.X, dtype=np.float32)
    cw.pp.normalize_total(adata, target_sum=1e4)
    cw.pp.log1p(adata)
    adata.var_names = [f"g{i}" for i in range(adata.n_vars)]
    adata.obs["cell_type"] = adata.obs["cell_type"].astype(str).astype("category")
    return adata


@pytest.fixture(scope="module")
def made():
    """Counts' logarithms of three groups, without real data; the groups are strings."""
    adata = cw.datasets.synthetic_counts(n_cells=400, n_genes=120, n_types=3, seed=0)
    cw.pp.normalize_total(adata)
    cw.pp.log1p(adata)
    adata.obs["group"] = adata.obs["cell_type"].astype(str)
    return adata


def both(adata, *args, **kwargs):
    """Ours and scanpy's ``uns`` of the same call."""
    ours, theirs = adata.copy(), adata.copy()
    cw.tl.rank_genes_groups(ours, *args, **kwargs)
    if isinstance(theirs.X, sparse.sparray):  # scanpy 1.11 cannot
        theirs.X = sparse.csr_matrix(theirs.X)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sc.tl.rank_genes_groups(theirs, *args, **kwargs)
    key = kwargs.get("key_added") or "rank_genes_groups"
    pd.testing.assert_frame_equal(ours.obs, theirs.obs)
    return ours.uns[key], theirs.uns[key]


def assert_equal_tables(ours, theirs, rtol=1e-5):
    assert list(ours) == list(theirs)
    assert ours["params"] == theirs["params"]
    for column in ("names", "scores", "logfoldchanges", "pvals", "pvals_adj"):
        assert ours[column].dtype == theirs[column].dtype
        assert type(ours[column]) is type(theirs[column])
    for table in ("pts", "pts_rest"):
        if table in theirs:
            pd.testing.assert_frame_equal(ours[table], theirs[table], rtol=1e-12)
    for group in theirs["names"].dtype.names:
        mine = pd.DataFrame({column: ours[column][group] for column in _COLUMNS})
        its = pd.DataFrame({column: theirs[column][group] for column in _COLUMNS})
        np.testing.assert_allclose(mine["scores"].abs(), its["scores"].abs(), rtol=rtol, atol=1e-6)
        # Scores that are equal but for rounding stand in any order.
        is_tied = its["scores"].abs().round(4).duplicated(keep=False)
        assert (mine["names"] == its["names"])[~is_tied].mean() > 0.999
        joined = mine.set_index("names").join(its.set_index("names"), rsuffix="_scanpy", how="inner")
        assert len(joined) >= len(its) - 2
        for column in ("pvals", "pvals_adj"):
            logs = (np.log(np.maximum(joined[name], 1e-300)) for name in (column, f"{column}_scanpy"))
            np.testing.assert_allclose(*logs, rtol=rtol, atol=1e-6)
        np.testing.assert_allclose(joined["scores"], joined["scores_scanpy"], rtol=rtol, atol=1e-6)
        np.testing.assert_allclose(joined["logfoldchanges"], joined["logfoldchanges_scanpy"], rtol=1e-4, atol=1e-5)


_COLUMNS = ("names", "scores", "logfoldchanges", "pvals", "pvals_adj")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("reference", ["rest", "first"])
def test_real_cells(logged, method, reference):
    reference = "rest" if reference == "rest" else logged.obs["cell_type"].cat.categories[0]
    assert_equal_tables(*both(logged, "cell_type", method=method, reference=reference, pts=True))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_every_layout(made, method, layout):
    adata = made.copy()
    adata.X = layout(sparse.csr_matrix(np.round(adata.X.toarray())))
    ours, theirs = both(adata, "group", method=method)
    assert_equal_tables(ours, theirs)


@pytest.mark.parametrize("reference", ["rest", "type_1"])
def test_scores_of_rank_sums_are_the_same_numbers(made, reference):
    for tie_correct in (False, True):
        ours, theirs = both(made, "group", method="wilcoxon", reference=reference, tie_correct=tie_correct)
        np.testing.assert_array_equal(ours["names"], theirs["names"])
        np.testing.assert_array_equal(ours["scores"], theirs["scores"])


@pytest.mark.parametrize(
    "options",
    [
        {"n_genes": 7},
        {"n_genes": 7, "rankby_abs": True},
        {"n_genes": 10_000},
        {"groups": ["type_2", "type_0"]},
        {"groups": ["type_2"], "reference": "type_0", "pts": True},
        {"corr_method": "bonferroni"},
        {"key_added": "markers"},
        {"mask_var": np.arange(120) % 2 == 0},
        {"only_positive": False},
        {"layer": "double", "use_raw": False},
        {"use_raw": False},
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["t-test", "wilcoxon"])
def test_options(made, method, options):
    adata = made.copy()
    adata.raw = adata[:, :100].copy()
    if "mask_var" in options:
        del adata.raw
    adata.layers["double"] = adata.X * 2
    assert_equal_tables(*both(adata, "group", method=method, **options))


def test_the_base_of_the_logarithm_is_undone(made):
    adata = made.copy()
    adata.uns["log1p"] = {"base": 2}
    assert_equal_tables(*both(adata, "group"))


def test_cells_of_no_group_are_still_among_the_rest(made):
    adata = made.copy()
    adata.obs["group"] = adata.obs["group"].where(adata.obs["group"] != "type_1").astype("category")
    for method in METHODS:
        assert_equal_tables(*both(adata, "group", method=method))


def test_a_gene_that_is_the_same_everywhere_scores_nothing(made):
    adata = made.copy()
    adata.X = adata.X.toarray()
    adata.X[:, 3] = 1.3
    adata.X[:, 4] = 0
    for method in METHODS:
        cw.tl.rank_genes_groups(adata, "group", method=method)
        table = sc.get.rank_genes_groups_df(adata, "type_0").set_index("names").loc[adata.var_names[[3, 4]]]
        assert (table["scores"] == 0).all()
        assert (table["pvals"] == 1).all()


def test_scanpy_reads_the_result(made):
    adata = made.copy()
    cw.tl.rank_genes_groups(adata, "group", method="wilcoxon", pts=True)
    assert len(sc.get.rank_genes_groups_df(adata, None)) == 3 * adata.n_vars
    sc.tl.filter_rank_genes_groups(adata, min_fold_change=0.5)
    assert "rank_genes_groups_filtered" in adata.uns


def test_repeated_and_unsorted_entries(made):
    adata, shuffled = made.copy(), made.copy()
    matrix = adata.X.tocoo()
    order = np.random.RandomState(0).permutation(2 * matrix.nnz)
    row, col, half = (np.concatenate([v, v])[order] for v in (matrix.row, matrix.col, matrix.data / 2))
    rows = np.argsort(row, kind="stable")
    indptr = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=adata.n_obs))])
    shuffled.X = sparse.csr_matrix((half[rows], col[rows], indptr), shape=adata.shape)
    for data in (adata, shuffled):
        cw.tl.rank_genes_groups(data, "group", method="wilcoxon")
    np.testing.assert_array_equal(adata.uns["rank_genes_groups"]["names"], shuffled.uns["rank_genes_groups"]["names"])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("layout", ["csr-float32", "csc-float32", "dense-float64"])
def test_same_bytes_at_any_thread_count(made, method, layout):
    adata = made.copy()
    adata.X = LAYOUTS[layout](adata.X)

    def call():
        return cw.tl.rank_genes_groups(adata, "group", method=method, pts=True, copy=True)

    assert_same_bytes_at_any_thread_count(call)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"groupby": "nothing"}, KeyError, "nothing"),
        ({"groupby": "library_size"}, ValueError, "categories"),
        ({"groups": "type_1"}, ValueError, "sequence of groups"),
        ({"groups": ["type_9"]}, ValueError, "type_9"),
        ({"groups": []}, ValueError, "groups"),
        ({"reference": "type_9"}, ValueError, "reference = type_9"),
        ({"method": "t"}, ValueError, "Method must be one of"),
        ({"method": "logreg"}, NotImplementedError, "logreg"),
        ({"corr_method": "none"}, ValueError, "Correction method"),
        ({"n_genes": 0}, ValueError, "n_genes"),
        ({"n_genes": "ten"}, TypeError, "n_genes"),
        ({"layer": "nothing"}, KeyError, "nothing"),
        ({"use_raw": True}, ValueError, "raw"),
        ({"mask_var": np.ones(3, bool)}, ValueError, "mask"),
        ({"mask_var": np.zeros(120, bool)}, ValueError, "mask_var"),
    ],
    ids=str,
)
def test_refuses(made, options, error, match):
    adata = made.copy()
    with refuses(adata, error, match):
        cw.tl.rank_genes_groups(adata, **{"groupby": "group", **options})


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("method", METHODS)
def test_refuses_what_is_no_number(made, method, value):
    adata = made.copy()
    adata.X.data[5] = value
    with refuses(adata, ValueError, "NaN or infinite"):
        cw.tl.rank_genes_groups(adata, "group", method=method)


def test_refuses_a_group_of_one_cell(made):
    adata = made.copy()
    adata.obs.loc[adata.obs_names[0], "group"] = "alone"
    with refuses(adata, ValueError, "groups alone since they only contain one sample"):
        cw.tl.rank_genes_groups(adata, "group")


def test_logistic_regression_falls_back_to_scanpy(made):
    adata = made.copy()
    with cw.patched():
        sc.tl.rank_genes_groups(adata, "group", method="logreg", max_iter=20)
        status = cw.patch_status().set_index("function").loc["scanpy.tl.rank_genes_groups"]
    assert status["fallbacks"] == 1
    assert "logreg" in status["reason"]
    assert adata.uns["rank_genes_groups"]["params"]["method"] == "logreg"


def test_a_matrix_without_genes_or_of_counts(made, caplog):
    adata = anndata.AnnData(np.random.RandomState(0).poisson(1.0, (20, 4)).astype(np.float32))
    adata.obs["group"] = pd.Categorical(["a", "b"] * 10)
    with caplog.at_level("WARNING", logger="cellweave"):
        cw.tl.rank_genes_groups(adata, "group")
    assert "raw count data" in caplog.text
    with refuses(adata[:, :0].copy(), ValueError, "no genes"):
        cw.tl.rank_genes_groups(adata[:, :0].copy(), "group")
