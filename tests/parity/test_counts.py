"""QC, filters, normalisation, logarithm and scaling equal scanpy's, in every layout."""

from __future__ import annotations

import itertools
import warnings

import anndata
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from scipy import sparse

import cellweave as cw
from support import LAYOUTS, all_layouts


@pytest.fixture(scope="module")
def counts(_pbmc_8batch):
    """Real counts, small: 300 cells, 2,000 genes, some cells and genes empty."""
    raw = _pbmc_8batch[::47, ::8].copy()
    matrix = sparse.csr_matrix(raw.X).astype(np.float32).tolil()
    matrix[3] = 0
    return matrix.tocsr()


def an_anndata(matrix) -> anndata.AnnData:
    adata = anndata.AnnData(matrix)
    adata.var["mito"] = np.arange(adata.n_vars) % 17 == 0
    adata.var["ribo"] = np.arange(adata.n_vars) % 5 == 0
    adata.obs["group"] = pd.Categorical(["a", "b", "c", "d"])[np.arange(adata.n_obs) % 4]
    adata.obsm["X_like"] = np.arange(adata.n_obs * 2.0).reshape(-1, 2)
    adata.obsp["pairs"] = sparse.identity(adata.n_obs, format="csr")
    adata.layers["twice"] = matrix * 2
    return adata


def as_array(matrix) -> np.ndarray:
    return matrix.toarray() if sparse.issparse(matrix) else np.asarray(matrix)


def tolerance(matrix) -> float:
    return 1e-10 if matrix.dtype == np.float64 else 1e-5


def assert_same_matrix(ours, theirs, rtol: float | None = None) -> None:
    assert sparse.issparse(ours) == sparse.issparse(theirs)
    if sparse.issparse(ours):
        assert ours.format == theirs.format
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(
        as_array(ours), as_array(theirs), rtol=rtol or tolerance(theirs), atol=1e-6 if rtol else 0
    )


#: scanpy 1.12 averages float32 in float32, 1.11 in float64, and so do we.
MEANS = ("mean_counts", "mean_umi", "log1p_mean_counts", "log1p_mean_umi")


def assert_same_table(ours: pd.DataFrame, theirs: pd.DataFrame, rtol: float | None = None) -> None:
    assert list(ours.columns) == list(theirs.columns)
    pd.testing.assert_index_equal(ours.index, theirs.index)
    for column in theirs:
        is_narrow_mean = column in MEANS and theirs[column].dtype == np.float32
        assert ours[column].dtype == (np.float64 if is_narrow_mean else theirs[column].dtype), column
        if theirs[column].dtype.kind == "f":
            own = 1e-10 if theirs[column].dtype == np.float64 and "pct" not in column else 1e-5
            np.testing.assert_allclose(ours[column], theirs[column], rtol=rtol or own, atol=1e-12, err_msg=column)
        else:
            np.testing.assert_array_equal(ours[column], theirs[column], err_msg=column)


def assert_same_anndata(ours: anndata.AnnData, theirs: anndata.AnnData, rtol: float | None = None) -> None:
    assert ours.shape == theirs.shape
    assert ours.is_view == theirs.is_view
    assert_same_matrix(ours.X, theirs.X, rtol)
    assert_same_table(ours.obs, theirs.obs, rtol)
    assert_same_table(ours.var, theirs.var, rtol)
    for slot in ("layers", "obsm", "obsp"):
        assert set(getattr(ours, slot)) == set(getattr(theirs, slot))  # anndata 0.13 lists X among the layers
        for key in getattr(theirs, slot):
            np.testing.assert_allclose(
                as_array(getattr(ours, slot)[key]), as_array(getattr(theirs, slot)[key]), rtol=1e-5, atol=1e-6
            )
    assert list(ours.uns) == list(theirs.uns)


def fresh(adata: anndata.AnnData) -> anndata.AnnData:
    """A copy whose sparse matrices keep their index dtype, which scipy's own copies do not."""
    copied = adata.copy()
    pairs = [(copied.X, adata.X), *((copied.layers[key], adata.layers[key]) for key in adata.layers)]
    for new, old in pairs:
        if sparse.issparse(old):
            new.indices, new.indptr = old.indices.copy(), old.indptr.copy()
    return copied


def for_scanpy(adata: anndata.AnnData) -> anndata.AnnData:
    """A copy with sparse matrices for sparse arrays, which scanpy 1.11 stumbles over."""
    adata = fresh(adata)
    if isinstance(adata.X, sparse.sparray):
        adata.X = sparse.csr_matrix(adata.X)
    for key, layer in adata.layers.items():
        if isinstance(layer, sparse.sparray):
            adata.layers[key] = sparse.csr_matrix(layer)
    return adata


def both(call, adata):
    """The AnnData after ours and after scanpy's, with the warnings of each."""
    results = []
    for module in (cw, sc):
        work = fresh(adata) if module is cw else for_scanpy(adata)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            call(module, work)
        results.append((work, {(w.category, str(w.message)) for w in caught if issubclass(w.category, UserWarning)}))
    (ours, our_warnings), (theirs, their_warnings) = results
    assert our_warnings == their_warnings
    return ours, theirs


@all_layouts
def test_qc_metrics(counts, layout):
    adata = an_anndata(layout(counts))
    for arguments in (
        {"qc_vars": ["mito", "ribo"]},
        {"percent_top": (1, 7, 2000), "log1p": False},
        {"percent_top": None, "expr_type": "umi", "var_type": "features", "layer": "twice", "qc_vars": "mito"},
    ):
        ours = cw.pp.calculate_qc_metrics(adata, **arguments)
        theirs = sc.pp.calculate_qc_metrics(for_scanpy(adata), **arguments)
        for our_table, their_table in zip(ours, theirs, strict=True):
            assert_same_table(our_table, their_table)


def test_qc_metrics_of_fractions_and_of_large_counts(counts):
    for matrix in (counts * 0.7, counts * 4001, counts.multiply(np.arange(counts.shape[0])[:, None] % 3 / 2).tocsr()):
        adata = an_anndata(matrix.astype(np.float32))
        for ours, theirs in zip(
            cw.pp.calculate_qc_metrics(adata, qc_vars=["mito"], percent_top=(5, 50)),
            sc.pp.calculate_qc_metrics(adata, qc_vars=["mito"], percent_top=(5, 50)),
            strict=True,
        ):
            assert_same_table(ours, theirs)


@all_layouts
def test_qc_of_cells_alone_and_of_genes_alone(counts, layout):
    from scanpy.preprocessing import _qc

    # One set whose genes are searched for, and one so large that every entry is looked at.
    few, many = np.zeros(counts.shape[1], dtype=bool), np.ones(counts.shape[1], dtype=bool)
    few[[3, 90]], many[5] = True, False
    adata = an_anndata(layout(counts))
    adata.var["few"], adata.var["many"] = few, many
    theirs_of = for_scanpy(adata)
    for arguments in (
        {"qc_vars": ["few"], "percent_top": None},
        {"qc_vars": ["few", "many"], "percent_top": (2, 60), "log1p": False, "layer": "twice"},
    ):
        assert_same_table(cw.pp.describe_obs(adata, **arguments), _qc.describe_obs(theirs_of, **arguments))
    assert_same_table(cw.pp.describe_var(adata), _qc.describe_var(theirs_of))


def test_qc_inplace_and_raw(kang):
    kang.raw = kang
    ours, theirs = both(lambda m, a: m.pp.calculate_qc_metrics(a, inplace=True, use_raw=True, percent_top=[10]), kang)
    assert_same_anndata(ours, theirs)


def test_cells_are_described_by_a_raw_of_more_genes(counts):
    adata = an_anndata(counts)
    adata.raw = adata
    adata = adata[:, :20].copy()
    ours = cw.pp.describe_obs(adata, use_raw=True, percent_top=(30,))
    pd.testing.assert_frame_equal(ours, sc.pp._qc.describe_obs(adata, use_raw=True, percent_top=(30,)), rtol=1e-5)
    with pytest.raises(ValueError, match="would not fit"):
        cw.pp.calculate_qc_metrics(adata, use_raw=True, percent_top=None)


def test_top_proportions(counts):
    from scanpy.preprocessing._qc import top_proportions

    dense = counts.toarray().astype(np.float64)[4:40]
    np.testing.assert_allclose(cw.pp.top_proportions(dense, 30), top_proportions(dense, 30), rtol=1e-10)
    np.testing.assert_allclose(
        cw.pp.top_proportions(sparse.csc_matrix(dense), 30), top_proportions(dense, 30), rtol=1e-10
    )


FILTERS = [
    ("filter_cells", "min_genes", 100),
    ("filter_cells", "max_genes", 150),
    ("filter_cells", "min_counts", 200),
    ("filter_cells", "max_counts", 10000000),
    ("filter_genes", "min_cells", 3),
    ("filter_genes", "max_cells", 20),
    ("filter_genes", "min_counts", 5),
    ("filter_genes", "max_counts", 50),
]


@all_layouts
@pytest.mark.parametrize(("name", "bound", "value"), FILTERS)
def test_filters(counts, layout, name, bound, value):
    adata = an_anndata(layout(counts))
    ours, theirs = both(lambda m, a: getattr(m.pp, name)(a, **{bound: value}), adata)
    assert_same_anndata(ours, theirs)
    for ours, theirs in zip(
        getattr(cw.pp, name)(adata.X, **{bound: value}), getattr(sc.pp, name)(adata.X, **{bound: value}), strict=True
    ):
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)


def test_filter_keeps_raw_and_colors_and_makes_views_actual(counts):
    adata = an_anndata(counts)
    adata.raw = adata
    adata.uns["group_colors"] = ["r", "g", "b", "y"]
    adata = adata[adata.obs["group"] != "c"]

    def call(module, data):
        view = data[:, 10:]
        module.pp.filter_cells(view, min_genes=120)
        module.pp.filter_genes(view, min_cells=4)
        results.append(view)

    results = []
    both(call, adata)
    ours, theirs = results
    assert_same_anndata(ours, theirs)
    assert_same_matrix(ours.raw.X, theirs.raw.X)
    assert list(ours.uns["group_colors"]) == list(theirs.uns["group_colors"])


@pytest.mark.parametrize("name", ["filter_cells", "subsample"])
def test_colours_of_categories_that_are_gone_go_with_them(counts, name):
    adata = an_anndata(counts)
    adata.obs["kind"] = pd.Categorical(["rare"] + ["few", "many", "many"] * (adata.n_obs // 3 + 1))[: adata.n_obs]
    adata.uns["kind_colors"] = ["#00ff00", "#0000ff", "#ff0000"]  # few, many, rare
    adata.X[0] = 0
    results = []
    for module in (cw, sc):
        data = adata.copy()
        if name == "filter_cells":
            module.pp.filter_cells(data, min_genes=1)
        else:
            module.pp.subsample(data, n_obs=3, random_state=1)
        results.append((list(data.obs["kind"].cat.categories), list(data.uns["kind_colors"])))
    assert results[0] == results[1]
    assert "rare" not in results[0][0]


@all_layouts
@pytest.mark.parametrize(
    "arguments",
    [
        {"target_sum": 1e4},
        {"target_sum": 500, "key_added": "factor"},
        {"exclude_highly_expressed": True, "max_fraction": 0.1, "target_sum": 100},
        {"layer": "twice", "target_sum": 1},
    ],
)
def test_normalize_total(counts, layout, arguments):
    ours, theirs = both(lambda m, a: m.pp.normalize_total(a, **arguments), an_anndata(layout(counts)))
    assert_same_anndata(ours, theirs)
    adata = an_anndata(layout(counts))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = [cw.pp.normalize_total(adata, inplace=False, **arguments)]
        results.append(sc.pp.normalize_total(for_scanpy(adata), inplace=False, **arguments))
    for key in ("X", "norm_factor"):
        np.testing.assert_allclose(as_array(results[0][key]), as_array(results[1][key]), rtol=1e-5)
        assert results[0][key].dtype == results[1][key].dtype


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if "uint" not in name])
def test_normalize_total_of_negative_values(counts, layout, caplog):
    adata = an_anndata(LAYOUTS[layout](counts - 2 * counts.multiply(counts > 3)))
    ours, theirs = both(lambda m, a: m.pp.normalize_total(a, target_sum=100), adata)
    assert_same_anndata(ours, theirs)
    assert "adata.X holds negative values" in caplog.text


def test_normalize_total_default_target_leaves_out_empty_cells(counts):
    # scanpy 1.11 does so for dense matrices only, 1.12 for all.
    ours, theirs = an_anndata(counts), an_anndata(counts.toarray())
    with pytest.warns(UserWarning, match="Some cells have zero counts"):
        cw.pp.normalize_total(ours)
    with pytest.warns(UserWarning, match="Some cells have zero counts"):
        sc.pp.normalize_total(theirs)
    np.testing.assert_allclose(ours.X.toarray(), theirs.X, rtol=1e-5)


@pytest.mark.parametrize(
    "arguments",
    [{}, {"counts_per_cell_after": 100, "layers": "all", "use_rep": "after"}, {"min_counts": 300, "layers": ["twice"]}],
)
def test_normalize_per_cell(counts, arguments):
    ours, theirs = both(lambda m, a: m.pp.normalize_per_cell(a, **arguments), an_anndata(counts))
    assert_same_anndata(ours, theirs)
    dense = counts.toarray()[5:]
    with pytest.warns(FutureWarning, match="normalize_total"):
        ours = cw.pp.normalize_per_cell(dense, copy=True)
    with pytest.warns(FutureWarning, match="normalize_total"):
        theirs = sc.pp.normalize_per_cell(dense, copy=True)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)


@all_layouts
@pytest.mark.parametrize("arguments", [{}, {"base": 2}, {"layer": "twice"}, {"obsm": "X_like"}])
def test_log1p(counts, layout, arguments):
    ours, theirs = both(lambda m, a: m.pp.log1p(a, **arguments), an_anndata(layout(counts)))
    assert_same_anndata(ours, theirs)
    assert ours.uns["log1p"] == theirs.uns["log1p"]


def test_log1p_of_arrays_and_of_rare_values():
    values = np.array([[-0.9, -0.5, 0, 1e-30, 1e-8, 0.3, 1, 7.5, 1e6, 1e25]])
    for dtype in (np.float32, np.float64):
        given = values.astype(dtype)
        np.testing.assert_allclose(cw.pp.log1p(given.copy()), np.log1p(given), rtol=4 * np.finfo(dtype).eps)
        np.testing.assert_allclose(
            cw.pp.log1p(np.abs(given).ravel().copy()), np.log1p(np.abs(given)).ravel(), rtol=4 * np.finfo(dtype).eps
        )
    with pytest.warns(RuntimeWarning, match="divide by zero encountered in log1p"):
        assert cw.pp.log1p(np.array([[-1.0, np.nan, np.inf]])).tolist()[0][0] == -np.inf
    with pytest.warns(RuntimeWarning, match="invalid value encountered in log1p"):
        assert np.isnan(cw.pp.log1p(np.array([[-2.0]]))).all()


def test_sqrt(counts):
    for matrix in (counts, counts.toarray(), counts.tocsc().astype(np.int64)):
        ours, theirs = both(lambda m, a: m.pp.sqrt(a), an_anndata(matrix))
        assert_same_matrix(ours.X, theirs.X)


SCALED = ("csr-float32", "csr-int64", "csc-float32", "csc-float64-index64", "dense-float32", "dense-int64")
scaled_layouts = pytest.mark.parametrize("layout", [LAYOUTS[name] for name in SCALED], ids=SCALED)


@scaled_layouts
@pytest.mark.parametrize(
    "arguments",
    [{}, {"max_value": 2}, {"zero_center": False}, {"zero_center": False, "max_value": 1.5}, {"layer": "twice"}],
)
@pytest.mark.parametrize("mask", [None, "array", "column"])
def test_scale(counts, layout, arguments, mask):
    matrix = layout(counts)
    adata = an_anndata(matrix[:, :300])
    chosen = np.arange(adata.n_obs) % 3 > 0
    adata.obs["kept"] = chosen
    mask_obs = {"array": chosen, "column": "kept", None: None}[mask]
    ours, theirs = both(lambda m, a: m.pp.scale(a, mask_obs=mask_obs, **arguments), adata)
    # scanpy squares in the matrix's own precision, so float32 is as far as it can be compared.
    rtol = 1e-10 if matrix.dtype == np.float64 else 1e-5
    if not arguments.get("zero_center", True) and sparse.issparse(matrix) and matrix.format == "csc":
        for matrices in (theirs.layers, {"X": theirs.X}):
            for key, scaled in matrices.items():  # float64 here, and float32 everywhere else in scanpy
                np.testing.assert_allclose(
                    as_array(scaled), as_array(ours.X if key == "X" else ours.layers[key]), rtol=1e-5
                )
        return
    assert_same_anndata(ours, theirs, rtol)


def test_scale_of_arrays(counts):
    dense = counts.toarray()[:, :50]
    np.testing.assert_allclose(cw.pp.scale(dense.copy()), sc.pp.scale(dense.copy()), rtol=1e-5, atol=1e-6)
    kept = counts[:, :50]
    ours, theirs = cw.pp.scale(kept.copy(), zero_center=False), sc.pp.scale(kept.copy(), zero_center=False)
    assert_same_matrix(ours, theirs)


@pytest.mark.parametrize("order", [1, -1], ids=["sorted", "unsorted"])
@pytest.mark.parametrize("has_mask", [False, True])
def test_scale_adds_entries_of_one_gene_and_cell(counts, order, has_mask):
    once = sparse.csr_matrix(counts[:60, :40], dtype=np.float32)
    slots = np.concatenate([np.arange(*ends)[::order] for ends in itertools.pairwise(once.indptr)])
    twice = sparse.csr_matrix(
        (np.repeat(once.data[slots] / 2, 2), np.repeat(once.indices[slots], 2), once.indptr * 2), shape=once.shape
    )
    mask = np.arange(60) % 3 > 0 if has_mask else None
    ours = cw.pp.scale(twice, mask_obs=mask, copy=True)
    theirs = sc.pp.scale(twice, mask_obs=mask, copy=True)
    np.testing.assert_allclose(as_array(ours), as_array(theirs), rtol=1e-5, atol=1e-6)


def test_works_in_the_callers_buffer(counts):
    adata = an_anndata(counts.copy())
    data = adata.X.data
    cw.pp.normalize_total(adata, target_sum=1e4)
    cw.pp.log1p(adata)
    cw.pp.scale(adata, zero_center=False)
    assert np.shares_memory(data, adata.X.data)
    adata = an_anndata(counts.toarray())
    data = adata.X
    cw.pp.normalize_total(adata, target_sum=1e4)
    cw.pp.log1p(adata)
    cw.pp.scale(adata)
    assert np.shares_memory(data, adata.X)


def test_real_data_whole_chain(paul15, rnamix):
    for adata in (paul15, rnamix):
        adata = adata[:600].copy()

        def chain(module, data):
            module.pp.filter_cells(data, min_genes=200)
            module.pp.filter_genes(data, min_cells=5)
            module.pp.calculate_qc_metrics(data, inplace=True)
            module.pp.normalize_total(data, target_sum=1e4)
            module.pp.log1p(data)
            module.pp.scale(data, max_value=10)

        ours, theirs = both(chain, adata)
        assert_same_table(ours.obs, theirs.obs)
        assert_same_table(ours.var.drop(columns=["mean", "std"]), theirs.var.drop(columns=["mean", "std"]))
        np.testing.assert_allclose(ours.X, theirs.X, rtol=1e-4, atol=1e-4)
