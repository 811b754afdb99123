"""highly_variable_genes equals scanpy's: columns, order, dtypes, sets, values, warnings."""

import sys
import warnings

import anndata
import numpy as np
import pandas as pd
import pytest

import cellweave as cw
from support import LAYOUTS, all_layouts

sc = pytest.importorskip("scanpy")

BY_DISPERSION = ("seurat", "cell_ranger")
BY_VARIANCE = ("seurat_v3", "seurat_v3_paper")


def logarithmized(adata):
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    return adata


def thinned(adata, n_cells=1500):
    """Every k-th cell, so that the suite stays quick; genes without a count stay in."""
    return adata[:: max(1, adata.n_obs // n_cells)].copy()


def assert_same_tables(ours: pd.DataFrame, theirs: pd.DataFrame, rtol: float):
    assert list(ours.columns) == list(theirs.columns)
    assert ours.dtypes.astype(str).to_dict() == theirs.dtypes.astype(str).to_dict()
    pd.testing.assert_index_equal(ours.index, theirs.index)
    for column in ours:
        mine, expected = ours[column], theirs[column]
        if mine.dtype.kind == "f":
            np.testing.assert_allclose(mine, expected, rtol=rtol, atol=rtol * 1e-1, err_msg=column)
        else:
            assert (mine.astype(str) == expected.astype(str)).all(), column


@pytest.fixture
def plain_means(monkeypatch):
    """scanpy 1.12 averages the cells of a batch by a product with 1 / n, and so gives genes of one mean slightly
    different ones (3,679 in place of 1,452 means in pbmc3k), which loess tells apart: 7e-4 in the normalised variance.
    Here it averages a batch as it averages all cells, and as scanpy 1.11 did."""
    module = sys.modules["scanpy.preprocessing._highly_variable_genes"]
    if not hasattr(module, "aggregate"):
        return

    def aggregate(adata, *, by, func):
        assert func == ["mean", "var"]
        groups = np.unique(adata.obs[by])
        moments = [module.stats.mean_var(adata[adata.obs[by] == group].X, axis=0, correction=1) for group in groups]
        mean, var = (np.stack(rows) for rows in zip(*moments, strict=True))
        obs = pd.DataFrame({by: groups}, index=[str(group) for group in groups])
        return anndata.AnnData(obs=obs, var=adata.var, layers={"mean": mean, "var": var})

    monkeypatch.setattr(module, "aggregate", aggregate)


def run_both(adata, rtol=1e-5, **arguments):
    """Runs scanpy's and ours on copies, in place and not; compares everything."""
    ours, theirs = adata.copy(), adata.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sc.pp.highly_variable_genes(theirs, **arguments)
        cw.pp.highly_variable_genes(ours, **arguments)
    assert_same_tables(ours.var, theirs.var, rtol)
    assert ours.uns["hvg"] == theirs.uns["hvg"]
    assert_same_tables(ours.obs, theirs.obs, rtol)
    return ours


DATA = ("pbmc_8batch", "paul15", "rnamix", "kang")


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("flavor", BY_DISPERSION)
@pytest.mark.parametrize("n_top_genes", [None, 700])
def test_dispersions_equal_scanpy(request, data, flavor, n_top_genes):
    adata = logarithmized(thinned(request.getfixturevalue(data)))
    sc.pp.filter_genes(adata, min_cells=3)
    run_both(adata, flavor=flavor, n_top_genes=n_top_genes)


@pytest.mark.parametrize("data", ["pbmc_8batch", "rnamix", "kang"])
@pytest.mark.parametrize("flavor", BY_DISPERSION)
@pytest.mark.parametrize("n_top_genes", [None, 700])
def test_batches_equal_scanpy(request, data, flavor, n_top_genes):
    adata = logarithmized(thinned(request.getfixturevalue(data)))
    adata.obs["letter"] = [("b", "a", "c")[k % 3] for k in range(adata.n_obs)]
    sc.pp.filter_genes(adata, min_cells=10)
    ours = run_both(adata, flavor=flavor, n_top_genes=n_top_genes, batch_key="letter")
    assert ours.obs["letter"].dtype == "category"


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("n_top_genes", [None, 300])
def test_normalized_variance_equals_scanpy(request, data, n_top_genes):
    run_both(thinned(request.getfixturevalue(data)), rtol=1e-9, flavor="seurat_v3", n_top_genes=n_top_genes)


def test_a_value_thousands_of_times_its_cap_is_clipped_as_scanpy_does(rnamix):
    adata = thinned(rnamix)
    adata.X = adata.X.astype(np.float64)
    adata.X[3, 7] = 1e12
    run_both(adata, rtol=1e-9, flavor="seurat_v3", n_top_genes=300)


@pytest.mark.parametrize("flavor", BY_VARIANCE)
@pytest.mark.parametrize(("data", "batch_key"), [("pbmc_8batch", "batch"), ("kang", "donor"), ("rnamix", "batch")])
def test_normalized_variance_in_batches_equals_scanpy(request, plain_means, flavor, data, batch_key):
    adata = request.getfixturevalue(data)
    if data == "pbmc_8batch":  # scikit-misc gives up on most other batches
        adata = adata[adata.obs["batch"].isin(["pbmc3k_v1", "pbmc4k_v2"])].copy()
    if batch_key not in adata.obs:
        adata.obs[batch_key] = pd.Categorical([("x", "y")[k % 2] for k in range(adata.n_obs)])
    run_both(adata, rtol=1e-9, flavor=flavor, n_top_genes=500, batch_key=batch_key)


@pytest.mark.parametrize("flavor", BY_VARIANCE)
def test_nearly_all_genes_are_those_of_scanpy_whatever_its_rounding(kang, flavor):
    kang.obs["half"] = pd.Categorical([("x", "y")[k % 2] for k in range(kang.n_obs)])
    chosen = []
    for module in (cw, sc):
        table = module.pp.highly_variable_genes(kang, flavor=flavor, n_top_genes=300, batch_key="half", inplace=False)
        chosen.append(set(table.index[table["highly_variable"]]))
    assert len(chosen[0] & chosen[1]) >= 294


@all_layouts
@pytest.mark.parametrize("flavor", ["seurat", "cell_ranger", "seurat_v3"])
def test_every_layout_gives_scanpys_answer(paul15, layout, flavor):
    """Of the values as they are in that layout; scanpy reads them as float64."""
    adata = thinned(paul15, 900)
    adata = adata[:, np.asarray((adata.X > 0).sum(axis=0)).ravel() > 20].copy()
    counts = LAYOUTS["csr-int32"](adata.X).minimum(9)
    theirs = adata.copy()
    theirs.X = counts.astype(np.float64)
    ours = adata.copy()
    ours.X = layout(counts)
    before = ours.X.copy()
    arguments = {"flavor": flavor, "n_top_genes": 400}
    sc.pp.highly_variable_genes(theirs, **arguments)
    cw.pp.highly_variable_genes(ours, **arguments)
    double = ours.X.dtype == np.float64 or flavor != "seurat"
    assert_same_tables(ours.var, theirs.var, 1e-10 if double else 1e-5)
    assert type(ours.X) is type(before)
    assert abs(ours.X - before).max() == 0


@pytest.mark.parametrize("base", [None, 2, 10])
def test_the_base_of_the_logarithm_is_honoured(paul15, base):
    adata = thinned(paul15, 600)
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata, base=base)
    run_both(adata, n_top_genes=300)
    del adata.uns["log1p"]["base"]
    cw.pp.highly_variable_genes(adata)


@pytest.mark.parametrize("flavor", [*BY_DISPERSION, *BY_VARIANCE])
@pytest.mark.parametrize("subset", [False, True])
@pytest.mark.parametrize("batch_key", [None, "batch"])
def test_returned_table_equals_scanpys(rnamix, plain_means, flavor, subset, batch_key):
    if flavor in BY_DISPERSION:
        logarithmized(rnamix)
    rnamix = rnamix[:, :3000].copy()
    arguments = {"flavor": flavor, "n_top_genes": 200, "subset": subset, "batch_key": batch_key, "inplace": False}
    ours = cw.pp.highly_variable_genes(rnamix, **arguments)
    theirs = sc.pp.highly_variable_genes(rnamix, **arguments)
    assert_same_tables(ours, theirs, 1e-5)
    assert "highly_variable" not in rnamix.var


@pytest.mark.parametrize("arguments", [{}, {"n_bins": 5}, {"min_mean": 0.1, "max_disp": 2}, {"layer": "log"}])
def test_cutoffs_and_layers(kang, arguments):
    adata = kang
    adata.layers["log"] = logarithmized(kang.copy()).X
    if "layer" not in arguments:
        adata.X = adata.layers["log"]
    run_both(adata, **arguments)


@pytest.mark.parametrize("flavor", BY_DISPERSION)
def test_subset_with_batches_and_cutoffs_keeps_the_genes_that_were_chosen(rnamix, flavor):
    """scanpy keeps others: its table is sorted by name (scverse/scanpy 3027, 4370)."""
    adata = logarithmized(rnamix)
    annotated, kept = adata.copy(), adata.copy()
    sc.pp.highly_variable_genes(annotated, batch_key="batch", flavor=flavor)
    cw.pp.highly_variable_genes(kept, batch_key="batch", flavor=flavor, subset=True)
    assert list(kept.var_names) == list(annotated.var_names[annotated.var["highly_variable"]])
    table = cw.pp.highly_variable_genes(adata, batch_key="batch", flavor=flavor, inplace=False)
    assert table.index.equals(adata.var_names)


@pytest.mark.parametrize("flavor", [*BY_DISPERSION, *BY_VARIANCE])
def test_subset_without_batches(rnamix, flavor):
    if flavor in BY_DISPERSION:
        logarithmized(rnamix)
    run_both(rnamix, flavor=flavor, n_top_genes=300, subset=True)


def warned(call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [(w.category, str(w.message)) for w in caught if w.category is UserWarning], caught


@pytest.mark.parametrize(
    ("flavor", "arguments"),
    [
        ("seurat", {"n_top_genes": 50, "min_mean": 1.0}),
        ("seurat", {"n_top_genes": 100_000}),
        ("seurat_v3", {"n_top_genes": 50}),
        ("seurat_v3_paper", {"n_top_genes": 50}),
        ("seurat_v3", {"n_top_genes": 50, "check_values": False}),
    ],
)
def test_same_warnings_and_they_point_here(rnamix, flavor, arguments):
    adata = logarithmized(rnamix)
    theirs, _ = warned(lambda: sc.pp.highly_variable_genes(adata.copy(), flavor=flavor, **arguments))
    ours, caught = warned(lambda: cw.pp.highly_variable_genes(adata.copy(), flavor=flavor, **arguments))
    assert [c for c, _ in ours] == [c for c, _ in theirs]
    assert all(mine.startswith(text) for (_, mine), (_, text) in zip(ours, theirs, strict=True))
    assert all(w.filename == __file__ for w in caught if w.category is UserWarning)


@pytest.mark.parametrize("flavor", BY_DISPERSION)
def test_table_with_the_bins(rnamix, flavor):
    adata = logarithmized(rnamix)
    ours = cw.pp.highly_variable_genes(adata, flavor=flavor, n_top_genes=50, inplace=False)
    theirs = sc.pp.highly_variable_genes(adata, flavor=flavor, n_top_genes=50, inplace=False)
    # Intervals before scanpy 1.12
    theirs["mean_bin"] = theirs["mean_bin"].cat.rename_categories(theirs["mean_bin"].cat.categories.astype("string"))
    assert_same_tables(ours, theirs, 1e-4)
    pd.testing.assert_series_equal(ours["mean_bin"], theirs["mean_bin"])


def test_old_positional_arguments(rnamix):
    adata = logarithmized(rnamix)
    with pytest.warns(FutureWarning, match="no longer positional"):
        ours = cw.pp.highly_variable_genes(adata, None, 100, inplace=False)
    pd.testing.assert_frame_equal(ours, cw.pp.highly_variable_genes(adata, n_top_genes=100, inplace=False))
