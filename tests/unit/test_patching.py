"""``cellweave.patch()``: scanpy's names run on the engine, fall back with a reason, and can be had back."""

import inspect
import logging
import pickle
import subprocess
import sys

import anndata
import numpy as np
import pytest
from scipy import sparse

import cellweave as cw

sc = pytest.importorskip("scanpy")


@pytest.fixture
def adata():
    return cw.datasets.synthetic_counts(400, 300, 4, 2, seed=0)


@pytest.fixture
def patched():
    with cw.patched():
        yield


def row(function: str):
    status = cw.patch_status().set_index("function")
    return status.loc[function]


def notebook(adata: anndata.AnnData) -> anndata.AnnData:
    """What people write, with scanpy's names only."""
    adata = adata.copy()
    sc.pp.filter_genes(adata, min_cells=3)
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    sc.pp.highly_variable_genes(adata, n_top_genes=150, batch_key="batch")
    adata = adata[:, adata.var["highly_variable"]].copy()
    sc.pp.scale(adata, max_value=10)
    sc.pp.pca(adata, n_comps=20)
    sc.pp.neighbors(adata, n_neighbors=10)
    return adata


def test_an_unchanged_notebook_runs_on_the_engine_and_gives_scanpys_results(adata):
    theirs = notebook(adata)
    with cw.patched():
        ours = notebook(adata)
        status = cw.patch_status()
    assert status["calls"].sum() == 7, status[status["fallbacks"] > 0]
    assert status["fallbacks"].sum() == 0
    assert list(ours.var_names) == list(theirs.var_names)
    np.testing.assert_allclose(ours.X, theirs.X, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(np.abs(ours.obsm["X_pca"]), np.abs(theirs.obsm["X_pca"]), atol=1e-2)
    assert ours.uns["neighbors"]["params"]["n_neighbors"] == theirs.uns["neighbors"]["params"]["n_neighbors"]
    shared = (ours.obsp["distances"] != 0).multiply(theirs.obsp["distances"] != 0).nnz
    assert shared > 0.99 * theirs.obsp["distances"].nnz


def test_a_replaced_function_can_be_given_to_another_process(patched):
    for function in (sc.pp.neighbors, sc.tl.leiden):
        assert pickle.loads(pickle.dumps(function)) is function


def test_unpatch_gives_every_original_back():
    before = {name: getattr(sc.pp, name) for name in cw.pp.__all__ if hasattr(sc.pp, name)}
    cw.patch()
    cw.patch()
    try:
        assert sc.pp.log1p is not before["log1p"]
        assert sc.pp.log1p.__cellweave__ is cw.pp.log1p
    finally:
        cw.unpatch()
    assert {name: getattr(sc.pp, name) for name in before} == before
    assert len(cw.patch_status()) == 0


def test_signature_and_docstring_stay_those_of_scanpy(patched):
    assert inspect.signature(sc.pp.log1p) == inspect.signature(sc.pp.log1p.__wrapped__)
    assert sc.pp.log1p.__doc__ == sc.pp.log1p.__wrapped__.__doc__


def test_an_argument_that_only_the_original_knows_goes_there_with_its_reason(adata, patched, caplog):
    with caplog.at_level(logging.WARNING, logger="cellweave"), pytest.raises(TypeError):
        sc.pp.normalize_total(adata, no_such_argument=1)
    assert "falls back to the original because its arguments do not fit" in caplog.text
    assert row("scanpy.pp.normalize_total")["fallbacks"] == 1
    assert "no_such_argument" in row("scanpy.pp.normalize_total")["reason"]


def test_a_matrix_that_the_engine_does_not_read_goes_to_the_original(adata, patched):
    dask = pytest.importorskip("dask.array")
    adata.X = dask.from_array(adata.X.toarray().astype(np.float32), chunks=(100, 300))
    sc.pp.log1p(adata)
    assert row("scanpy.pp.log1p")["fallbacks"] == 1
    assert "dask" in row("scanpy.pp.log1p")["reason"]
    assert adata.X.compute().max() > 0


def test_a_layer_that_the_engine_does_not_read_goes_to_the_original(adata, patched):
    dask = pytest.importorskip("dask.array")
    adata.layers["counts"] = dask.from_array(adata.X.toarray().astype(np.float32), chunks=(100, 300))
    sc.pp.log1p(adata, layer="counts")
    assert "dask array" in row("scanpy.pp.log1p")["reason"]
    assert adata.layers["counts"].compute().max() > 0


def test_a_wrong_input_is_refused_by_us_and_changes_nothing(adata, patched):
    adata.X.data[7] = np.nan
    before = adata.X.copy()
    with pytest.raises(ValueError, match="NaN"):
        sc.pp.scale(adata)
    assert adata.X.data.tobytes() == before.data.tobytes()
    assert row("scanpy.pp.scale")["fallbacks"] == 0


def test_patching_within_a_block_leaves_a_lasting_patch_alone():
    cw.patch()
    try:
        with cw.patched():
            assert hasattr(sc.pp.log1p, "__cellweave__")
        assert hasattr(sc.pp.log1p, "__cellweave__")
    finally:
        cw.unpatch()


SCANORAMA_NOTEBOOK = """
import numpy as np, scanorama, cellweave as cw
data = [np.abs(np.random.RandomState(s).normal(size=(80, 30))) for s in (0, 1)]
moved, genes = scanorama.integrate(data, [[f"g{k}" for k in range(30)]] * 2, dimred=10, verbose=0)
n_calls = cw.patch_status().set_index("function").loc["scanorama.integrate", "calls"]
"""


def test_one_line_after_the_import_of_scanorama_is_enough():
    pytest.importorskip("scanorama")
    notebook = {}
    with cw.patched():
        exec(SCANORAMA_NOTEBOOK, notebook)
    assert notebook["n_calls"] == 1


def test_one_line_before_the_first_import_of_scanorama_is_enough():
    code = "import cellweave as cw; cw.patch()" + SCANORAMA_NOTEBOOK + "print(n_calls)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "1", done.stderr


def test_scanorama_need_not_be_installed():
    code = """
import importlib.util, numpy as np, cellweave as cw
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "scanorama" else found(name, *rest)
cw.patch()
import scanorama
assert scanorama is cw.scanorama
print("ours")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "ours", done.stderr


def test_views_work_through_the_patch_as_in_scanpy(adata, patched):
    view = adata[:200]
    sc.pp.normalize_total(view, target_sum=100)
    totals = np.asarray(sparse.csr_matrix(view.X).sum(axis=1)).ravel()
    np.testing.assert_allclose(totals[totals > 0], 100, rtol=1e-5)
    assert adata.X.max() == int(adata.X.max())
