"""pp.pca against scanpy: its exact solvers in float64 for the values, its defaults for keys, dtypes and errors."""

from __future__ import annotations

import warnings

import anndata
import numpy as np
import pytest
import scanpy as sc
from scipy import sparse

import cellweave as cw
from support import LAYOUTS, all_layouts, assert_same_bytes_at_any_thread_count, refuses

ANGLE = 1e-4
RATIO = 1e-5


def largest_angle(a: np.ndarray, b: np.ndarray) -> float:
    """Largest principal angle between the spans of the columns, accurate for small angles."""
    a, b = np.linalg.qr(a.astype(np.float64))[0], np.linalg.qr(b.astype(np.float64))[0]
    return float(np.linalg.norm(a - b @ (b.T @ a), 2))


def assert_same_components(ours: anndata.AnnData, theirs: anndata.AnnData, *, signs: bool = True, varm="PCs") -> None:
    assert largest_angle(ours.varm[varm], theirs.varm[varm]) < ANGLE
    assert largest_angle(ours.obsm["X_pca"], theirs.obsm["X_pca"]) < ANGLE
    np.testing.assert_allclose(ours.uns["pca"]["variance"], theirs.uns["pca"]["variance"], rtol=1e-4)
    ratios = ours.uns["pca"]["variance_ratio"], theirs.uns["pca"]["variance_ratio"]
    np.testing.assert_allclose(*ratios, atol=RATIO, rtol=RATIO)
    if signs:
        products = (ours.obsm["X_pca"] * theirs.obsm["X_pca"]).sum(axis=0)
        assert (products > 0).all()


def in_double(adata: anndata.AnnData) -> anndata.AnnData:
    adata = adata.copy()
    adata.X = adata.X.astype(np.float64)
    return adata


@pytest.fixture(scope="module")
def logged():
    """1,300 cells x 600 genes of paul15, normalised and logged, a third of them highly variable."""
    from conftest import load

    adata = load("paul15")[:1300, :600].copy()
    adata.X = sparse.csr_matrix(adata.X, dtype=np.float32)
    sc.pp.normalize_total(adata)
    sc.pp.log1p(adata)
    adata.var["chosen"] = np.arange(600) % 3 == 0
    return adata


@all_layouts
def test_equals_scanpy(logged, layout):
    theirs = in_double(logged)
    ours = anndata.AnnData(layout(sparse.csr_matrix(logged.X)))
    theirs.X = layout(sparse.csr_matrix(logged.X)).astype(np.float64)
    theirs.X = sparse.csr_matrix(theirs.X)
    cw.pp.pca(ours, 8)
    sc.pp.pca(theirs, 8, svd_solver="covariance_eigh")
    assert_same_components(ours, theirs)


def test_same_keys_dtypes_and_parameters(logged):
    for mask in (None, "chosen"):
        for dtype in (np.float32, np.float64):
            ours = logged.copy()
            ours.X = ours.X.astype(dtype)
            theirs = ours.copy()
            cw.pp.pca(ours, 5, mask_var=mask)
            sc.pp.pca(theirs, 5, mask_var=mask)
            assert ours.uns["pca"].keys() == theirs.uns["pca"].keys()
            assert ours.uns["pca"]["params"] == theirs.uns["pca"]["params"]
            for key in ("variance", "variance_ratio"):
                assert ours.uns["pca"][key].dtype == theirs.uns["pca"][key].dtype
            assert ours.obsm["X_pca"].dtype == theirs.obsm["X_pca"].dtype
            assert ours.varm["PCs"].dtype == theirs.varm["PCs"].dtype
            if mask is not None:
                assert not ours.varm["PCs"][~logged.var["chosen"].to_numpy()].any()
            assert_same_components(ours, theirs)


def test_default_is_fifty_components_of_the_highly_variable_genes(logged):
    adata = logged.copy()
    adata.var["highly_variable"] = adata.var["chosen"]
    chosen, everything = adata.copy(), adata.copy()
    cw.pp.pca(adata)
    sc.pp.pca(chosen, mask_var="chosen")
    assert adata.obsm["X_pca"].shape == (adata.n_obs, 50)
    assert adata.uns["pca"]["params"]["use_highly_variable"] is True
    assert_same_components(adata, chosen)
    cw.pp.pca(everything, mask_var=None)
    assert np.abs(everything.varm["PCs"]).min(axis=0).max() > 0 or everything.varm["PCs"].all(axis=1).sum() > 200
    small = anndata.AnnData(logged.X[:, :30].toarray())
    cw.pp.pca(small)
    assert small.obsm["X_pca"].shape[1] == 29


def test_deprecated_use_highly_variable(logged):
    adata = logged.copy()
    adata.var["highly_variable"] = adata.var["chosen"]
    with pytest.warns(FutureWarning, match="use_highly_variable"):
        cw.pp.pca(adata, 5, use_highly_variable=False)
    assert adata.uns["pca"]["params"]["mask_var"] is None


def test_wide_and_tall_and_iterated_agree(logged):
    few = logged[:300].copy()  # fewer cells than genes
    theirs = in_double(few)
    cw.pp.pca(few, 20)
    sc.pp.pca(theirs, 20, svd_solver="covariance_eigh")
    assert_same_components(few, theirs)


def test_many_genes(kang):
    adata = kang[:600].copy()
    sc.pp.normalize_total(adata)
    sc.pp.log1p(adata)
    adata = adata[:, np.asarray(adata.X.sum(axis=0)).ravel() > 0].copy()
    theirs = in_double(adata)
    cw.pp.pca(adata, 30)
    sc.pp.pca(theirs, 30, svd_solver="arpack")
    assert_same_components(adata, theirs)


@pytest.mark.parametrize("layout", ["csr-float32", "csc-float32", "dense-float32", "csr-float64"])
def test_without_centring(logged, layout):
    ours = anndata.AnnData(LAYOUTS[layout](logged.X))
    theirs = in_double(logged)
    cw.pp.pca(ours, 10, zero_center=False)
    sc.pp.pca(theirs, 10, zero_center=False, svd_solver="arpack")
    assert_same_components(ours, theirs)
    assert ours.uns["pca"]["params"]["zero_center"] is False


@pytest.mark.parametrize("max_value", [None, 10, 0.8])
@pytest.mark.parametrize(
    "layout", ["csr-float32", "csc-float32", "dense-float32", "csr-float64", "csr-float32-index64"]
)
def test_implicit_scaling_equals_scale_then_pca(logged, layout, max_value):
    ours = anndata.AnnData(LAYOUTS[layout](logged.X))
    theirs = in_double(logged)
    cw.pp.pca(ours, 8, scale=True, max_value=max_value)
    theirs.X = theirs.X.toarray()
    sc.pp.scale(theirs, max_value=max_value)
    sc.pp.pca(theirs, 8, svd_solver="covariance_eigh")
    assert_same_components(ours, theirs)


def test_implicit_scaling_without_centring(logged):
    ours, theirs = logged.copy(), in_double(logged)
    cw.pp.pca(ours, 10, scale=True, max_value=1.0, zero_center=False)
    theirs.X = theirs.X.toarray()
    sc.pp.scale(theirs, max_value=1.0)
    sc.pp.pca(theirs, 10, zero_center=False, svd_solver="arpack")
    assert_same_components(ours, theirs)


def test_duplicate_entries_are_summed_before_scaling(logged):
    once = logged[:200].X
    twice = sparse.csr_matrix(
        (np.repeat(once.data / 2, 2), np.repeat(once.indices, 2), once.indptr * 2), shape=once.shape
    )
    np.testing.assert_allclose(cw.pp.pca(twice, 5, scale=True), cw.pp.pca(once, 5, scale=True), atol=1e-3)


@pytest.mark.parametrize("layout", ["csr-float32", "dense-float32", "csr-float64"])
def test_chunked_equals_incremental_pca(logged, layout):
    ours = anndata.AnnData(LAYOUTS[layout](logged.X), var=logged.var)
    theirs = ours.copy()
    cw.pp.pca(ours, 5, chunked=True, chunk_size=500, mask_var="chosen")
    sc.pp.pca(theirs, 5, chunked=True, chunk_size=500, mask_var="chosen")
    assert_same_components(ours, theirs)


def test_chunked_reads_a_backed_file(logged, tmp_path):
    with anndata.settings.override(allow_write_nullable_strings=True):
        logged.write_h5ad(tmp_path / "cells.h5ad")
    backed = anndata.read_h5ad(tmp_path / "cells.h5ad", backed="r")
    in_memory = logged.copy()
    with pytest.raises(NotImplementedError, match="backed"):
        cw.pp.pca(backed, 5)
    cw.pp.pca(backed, 5, chunked=True, chunk_size=500)
    cw.pp.pca(in_memory, 5, chunked=True, chunk_size=500)
    np.testing.assert_array_equal(backed.obsm["X_pca"], in_memory.obsm["X_pca"])


def test_arrays_and_return_info(logged):
    for matrix in (logged.X, logged.X.toarray()):
        ours = cw.pp.pca(matrix, 7, return_info=True)
        theirs = sc.pp.pca(matrix.astype(np.float64), 7, return_info=True)
        for mine, original in zip(ours, theirs, strict=True):
            assert mine.shape == original.shape
            np.testing.assert_allclose(mine, original, rtol=1e-3, atol=1e-3)
        np.testing.assert_array_equal(cw.tl.pca(matrix, 7), ours[0])


def test_layer_obsm_key_added_copy(logged):
    adata = logged.copy()
    adata.layers["twice"] = adata.X * 2
    adata.obsm["table"] = adata.X[:, :40].toarray()
    returned = cw.pp.pca(adata, 4, layer="twice", key_added="mine", copy=True)
    assert "mine" not in adata.obsm
    assert {"mine"} <= returned.obsm.keys() & returned.varm.keys() & returned.uns.keys()
    assert returned.uns["mine"]["params"]["layer"] == "twice"
    assert cw.pp.pca(adata, 4, obsm="table") is None
    assert adata.uns["pca"]["components"].shape == (40, 4)
    assert "PCs" not in adata.varm


def test_solver_names(logged):
    matrix = logged.X[:200]
    with pytest.warns(UserWarning, match="Ignoring svd_solver='randomized' and using arpack"):
        cw.pp.pca(matrix, 4, svd_solver="randomized")
    with pytest.warns(FutureWarning, match="lobpcg"):
        cw.pp.pca(matrix, 4, svd_solver="lobpcg")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cw.pp.pca(matrix.toarray(), 4, svd_solver="randomized")


def test_same_bytes_at_any_thread_count(logged):
    for layout in ("csr-float32", "dense-float32"):
        matrix = LAYOUTS[layout](logged.X)[:, :200]
        assert_same_bytes_at_any_thread_count(lambda m=matrix: cw.pp.pca(m, 5, return_info=True))
    assert_same_bytes_at_any_thread_count(lambda: cw.pp.pca(logged.X[:150], 5, scale=True, max_value=3))


def test_index_types_and_layouts_agree(logged):
    one = cw.pp.pca(LAYOUTS["csr-float32"](logged.X), 10)
    for layout in ("csr-float32-index64", "csr_array-float32", "csc-float32"):
        np.testing.assert_array_equal(one, cw.pp.pca(LAYOUTS[layout](logged.X), 10))


def test_result_does_not_depend_on_the_seed_and_leaves_numpy_alone(logged):
    np.random.seed(5)
    before = np.random.get_state()[1].copy()
    one = cw.pp.pca(logged.X, 5, random_state=0)
    np.testing.assert_array_equal(one, cw.pp.pca(logged.X, 5, random_state=np.random.RandomState(7)))
    np.testing.assert_array_equal(before, np.random.get_state()[1])


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"n_comps": 0}, ValueError, "n_comps=0"),
        ({"n_comps": 200}, ValueError, "strictly less than"),
        ({"n_comps": 2.5}, TypeError, "n_comps must be a whole number"),
        ({"n_comps": "many"}, TypeError, "n_comps"),
        ({"layer": "absent"}, KeyError, "absent"),
        ({"obsm": "absent"}, KeyError, "absent"),
        ({"mask_var": "absent"}, ValueError, "Did not find"),
        ({"mask_var": np.ones(3, dtype=bool)}, ValueError, "shape of the mask"),
        ({"mask_var": np.ones(600)}, ValueError, "boolean"),
        ({"mask_var": np.zeros(600, dtype=bool)}, ValueError, "selects no gene"),
        ({"chunked": True, "layer": "x"}, NotImplementedError, "chunked"),
        ({"chunked": True, "scale": True}, NotImplementedError, "scale"),
        ({"max_value": 10}, ValueError, "scale=True"),
        ({"scale": True, "max_value": -1}, ValueError, "positive"),
        ({"dtype": "words"}, TypeError, "words"),
    ],
)
def test_bad_arguments(logged, arguments, error, match):
    adata = logged[:200].copy()
    with refuses(adata, error, match):
        cw.pp.pca(adata, **arguments)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite(logged, bad):
    for make in (lambda x: x, lambda x: x.toarray()):
        matrix = make(logged.X[:100].copy())
        (matrix.data if sparse.issparse(matrix) else matrix.reshape(-1))[3] = bad
        adata = anndata.AnnData(matrix)
        with refuses(adata, ValueError, "NaN or infinite"):
            cw.pp.pca(adata, 5)
        with refuses(adata, ValueError, "NaN or infinite"):
            cw.pp.pca(adata, 5, scale=True)


def test_constant_genes_empty_cells_one_component(logged):
    matrix = logged.X[:150].toarray()
    matrix[:, :50] = 0
    matrix[:5] = 0
    for values in (matrix, sparse.csr_matrix(matrix)):
        for scale in (False, True):
            assert np.isfinite(cw.pp.pca(values, 1, scale=scale)).all()
    zeros = cw.pp.pca(np.zeros((60, 80), dtype=np.float32), 3, return_info=True)
    assert not zeros[0].any()


@pytest.mark.parametrize("shape", [(95, 100), (120, 420)])
def test_same_bytes_wherever_the_memory_lies(shape):
    matrix = np.random.default_rng(0).normal(size=shape)
    keep, results = [], set()
    for k in range(30):
        keep.append(np.empty(1000 + 24 * k, dtype=np.uint8))  # so that memory of another alignment comes next
        scores, loadings, *_ = cw.pp.pca(matrix, 5, return_info=True, dtype="float64")
        results.add((scores.tobytes(), loadings.tobytes()))
    assert len(results) == 1
