"""Sampling, regression, ComBat and gene scores equal scanpy's."""

from __future__ import annotations

import warnings

import anndata
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from scipy import sparse

import cellweave as cw

LAYOUTS = {
    "csr": lambda m: m,
    "csc": lambda m: m.tocsc(),
    "dense": lambda m: m.toarray(),
    "csr-float64": lambda m: m.astype(np.float64),
    "dense-float64": lambda m: m.toarray().astype(np.float64),
}
layouts = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())


def as_array(matrix) -> np.ndarray:
    return matrix.toarray() if sparse.issparse(matrix) else np.asarray(matrix)


@pytest.fixture(scope="module")
def logged(_pbmc_8batch):
    """400 cells of two batches and 1,500 genes, log-normalised."""
    adata = _pbmc_8batch[::35, ::15].copy()
    adata.X = sparse.csr_matrix(adata.X).astype(np.float32)
    cw.pp.calculate_qc_metrics(adata, inplace=True, percent_top=None)
    cw.pp.normalize_total(adata, target_sum=1e4)
    cw.pp.log1p(adata)
    adata.obs["site"] = pd.Categorical(np.array(["x", "y", "z"])[np.arange(adata.n_obs) % 3])
    adata.obs["word"] = np.array(["u", "v"])[np.arange(adata.n_obs) % 2]
    adata.obs["twice"] = adata.obs["total_counts"] * 2
    adata.var_names = [f"g{i}" for i in range(adata.n_vars)]
    return adata


def with_x(adata, layout) -> anndata.AnnData:
    result = adata.copy()
    result.X = layout(result.X)
    return result


@layouts
@pytest.mark.parametrize(
    "keys", [["total_counts"], ["total_counts", "n_genes_by_counts"], "site", "word", ["total_counts", "twice"]]
)
def test_regress_out(logged, layout, keys):
    ours, theirs = (with_x(logged[:, :60], layout) for _ in range(2))
    cw.pp.regress_out(ours, keys)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sc.pp.regress_out(theirs, keys, n_jobs=1)
    assert isinstance(ours.X, np.ndarray)
    if keys != ["total_counts", "twice"]:  # scanpy's determinant of a singular matrix is rounding: it takes either way
        assert ours.X.dtype == theirs.X.dtype
        np.testing.assert_allclose(ours.X, theirs.X, rtol=1e-5, atol=2e-5)
    else:
        alone = with_x(logged[:, :60], layout)
        cw.pp.regress_out(alone, "total_counts")
        np.testing.assert_allclose(ours.X, alone.X, rtol=1e-5, atol=1e-5)
    pd.testing.assert_frame_equal(ours.obs, theirs.obs)


def test_regress_out_of_integers_layers_and_copies(logged):
    adata = logged[:, :30].copy()
    adata.layers["counts"] = np.rint(as_array(adata.X) * 5).astype(np.int64)
    ours = cw.pp.regress_out(adata, "total_counts", layer="counts", copy=True)
    theirs = sc.pp.regress_out(adata, "total_counts", layer="counts", copy=True)
    assert ours.layers["counts"].dtype == theirs.layers["counts"].dtype
    np.testing.assert_allclose(ours.layers["counts"], theirs.layers["counts"], rtol=1e-8, atol=1e-8)
    assert adata.layers["counts"].dtype == np.int64


def test_regress_out_reads_sparse_and_overwrites_dense(logged):
    adata = with_x(logged, lambda m: m.toarray())
    before = adata.X
    cw.pp.regress_out(adata, "total_counts")
    assert np.shares_memory(before, adata.X)


@layouts
def test_combat(logged, layout):
    ours, theirs = (with_x(logged[:, :200], layout) for _ in range(2))
    cw.pp.combat(ours, key="site")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sc.pp.combat(theirs, key="site")
    assert ours.X.dtype == theirs.X.dtype == np.float64
    np.testing.assert_allclose(ours.X, theirs.X, rtol=1e-5, atol=1e-5 if layout(logged.X).dtype == "f4" else 1e-8)


def test_combat_without_flat_genes_and_with_covariates(logged):
    adata = logged.copy()
    cw.pp.filter_genes(adata, min_cells=60)
    adata.X = adata.X.toarray().astype(np.float64)
    for covariates in (None, ["total_counts"], ["pct_like", "total_counts"]):
        adata.obs["pct_like"] = np.sin(np.arange(adata.n_obs))
        ours = cw.pp.combat(adata, key="site", covariates=covariates, inplace=False)
        theirs = sc.pp.combat(adata, key="site", covariates=covariates, inplace=False)
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-7)
    # A category beside the batches makes the model singular: batches must still come out even.
    mixed = cw.pp.combat(adata, key="site", covariates=["word"], inplace=False)
    assert np.isfinite(mixed).all()


def test_combat_small_batches_are_refused(logged):
    adata = logged[:30].copy()
    adata.obs["site"] = ["only"] + ["rest"] * 29
    with pytest.raises(ValueError, match="fewer than 2 cells"):
        cw.pp.combat(adata, key="site")


@layouts
@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"ctrl_size": 10, "n_bins": 12, "random_state": 3},
        {"ctrl_as_ref": False},
        {"gene_pool": [f"g{i}" for i in range(1000)]},
    ],
)
def test_score_genes(logged, layout, arguments):
    genes = [f"g{i}" for i in range(3, 700, 37)]
    ours, theirs = (with_x(logged, layout) for _ in range(2))
    state = np.random.get_state()[1].copy()
    cw.tl.score_genes(ours, [*genes, "absent"], **arguments)
    np.testing.assert_array_equal(state, np.random.get_state()[1])
    # scanpy 1.11 sums sparse float32 in float32, and its bins may differ by that; 1.12 sums in float64, as we do.
    if sparse.issparse(theirs.X):
        theirs.X = theirs.X.astype(np.float64)
    sc.tl.score_genes(theirs, [*genes, "absent"], **arguments)
    assert ours.obs["score"].dtype == np.float64
    np.testing.assert_allclose(ours.obs["score"], theirs.obs["score"], rtol=1e-5, atol=1e-6)


def test_score_genes_raw_layer_and_missing_values(logged):
    adata = with_x(logged, lambda m: m.astype(np.float64))
    adata.raw = adata
    adata.layers["holes"] = adata.X.copy()
    adata.layers["holes"].data[::50] = np.nan
    genes = [f"g{i}" for i in range(0, 400, 11)]
    for arguments in ({}, {"use_raw": False}, {"layer": "holes"}):
        for layout in (lambda m: m, lambda m: m.tocsc()):
            ours, theirs = adata[:, :1200].copy(), adata[:, :1200].copy()
            for work in (ours, theirs):
                work.layers["holes"] = layout(work.layers["holes"])
            cw.tl.score_genes(ours, genes, **arguments)
            sc.tl.score_genes(theirs, genes, **arguments)
            np.testing.assert_allclose(ours.obs["score"], theirs.obs["score"], rtol=1e-8, atol=1e-10)


def test_score_genes_cell_cycle(logged):
    adata = with_x(logged, lambda m: m.astype(np.float64))
    lists = {"s_genes": [f"g{i}" for i in range(0, 400, 9)], "g2m_genes": [f"g{i}" for i in range(4, 500, 13)]}
    ours, theirs = adata.copy(), adata.copy()
    cw.tl.score_genes_cell_cycle(ours, **lists)
    sc.tl.score_genes_cell_cycle(theirs, **lists)
    pd.testing.assert_frame_equal(ours.obs, theirs.obs, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(
    "arguments", [{"fraction": 0.3}, {"n": 50, "axis": "var"}, {"n": 700, "replace": True}, {"n": 20, "p": "odd"}]
)
@pytest.mark.parametrize("layout", ["csr", "csc", "dense"])
def test_sample(logged, arguments, layout):
    adata = with_x(logged, LAYOUTS[layout])
    adata.obs["odd"] = np.arange(adata.n_obs) % 2 == 1
    ours, theirs = adata.copy(), adata.copy()
    cw.pp.sample(ours, rng=5, **arguments)
    sc.pp.sample(theirs, rng=5, **arguments)
    np.testing.assert_array_equal(as_array(ours.X), as_array(theirs.X))
    pd.testing.assert_frame_equal(ours.obs, theirs.obs)
    if "p" not in arguments:
        for ours, theirs in zip(
            cw.pp.sample(adata.X, rng=5, **arguments), sc.pp.sample(adata.X, rng=5, **arguments), strict=True
        ):
            np.testing.assert_array_equal(as_array(ours), as_array(theirs))


def test_subsample(logged):
    state = np.random.get_state()[1].copy()
    ours = cw.pp.subsample(logged, fraction=0.4, copy=True)
    np.testing.assert_array_equal(state, np.random.get_state()[1])
    theirs = sc.pp.subsample(logged, fraction=0.4, copy=True)
    pd.testing.assert_frame_equal(ours.obs, theirs.obs)
    for data in (logged.X, logged.obs_names.to_numpy()):
        ours, kept = cw.pp.subsample(data, n_obs=33, random_state=4)
        theirs, expected = sc.pp.subsample(data, n_obs=33, random_state=4)
        np.testing.assert_array_equal(kept, expected)
        np.testing.assert_array_equal(as_array(ours), as_array(theirs))


@pytest.mark.parametrize("layout", ["csr", "csc", "dense"])
@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.int64])
def test_downsample_counts(kang, layout, replace, dtype):
    counts = sparse.csr_matrix(kang[:40, :1000].X).astype(dtype)
    adata = anndata.AnnData(LAYOUTS[layout](counts))
    each = np.arange(40) * 6 + 20
    for arguments in ({"counts_per_cell": 100}, {"counts_per_cell": each}, {"total_counts": 3000}):
        ours = cw.pp.downsample_counts(adata, random_state=7, replace=replace, copy=True, **arguments)
        theirs = sc.pp.downsample_counts(adata, random_state=7, replace=replace, copy=True, **arguments)
        assert ours.X.dtype == theirs.X.dtype
        np.testing.assert_array_equal(as_array(ours.X), as_array(theirs.X))
