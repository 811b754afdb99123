"""Wrong input to integration gives an error that names the cause; unusual input works."""

import warnings

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import cellweave as cw
from support import LAYOUTS, as_bytes, refuses

GENES = [f"gene{i}" for i in range(60)]


def table(n_cells=80, n_genes=60, seed=0):
    return np.random.default_rng(seed).poisson(1.0, size=(n_cells, n_genes)).astype(np.float32)


def dataset(**kwargs):
    return sparse.csr_matrix(table(**kwargs))


@pytest.fixture
def datasets():
    return [dataset(seed=0), dataset(n_cells=50, seed=1)]


@pytest.fixture
def adatas(datasets):
    return [anndata.AnnData(d, var=pd.DataFrame(index=GENES)) for d in datasets]


def integrate(datasets, genes=None, **kwargs):
    return cw.integrate(datasets, genes or [GENES] * len(datasets), **{"verbose": 0, **kwargs})


def assert_refused(error, match, datasets, genes=None, **kwargs):
    for function in (cw.integrate, cw.correct):
        with refuses(datasets, error, match):
            function(datasets, genes or [GENES] * len(datasets), **{"verbose": 0, **kwargs})


def test_empty_list():
    assert_refused(ValueError, "empty", [])
    with pytest.raises(ValueError, match="empty"):
        cw.integrate_scanpy([])


def test_one_matrix_instead_of_a_list(datasets):
    with pytest.raises(TypeError, match="list of matrices"):
        cw.integrate(datasets[0], [GENES])


def test_one_data_set_is_returned(datasets):
    embedded, genes = integrate(datasets[:1], dimred=10)
    assert embedded[0].shape == (80, 10)
    corrected, _ = cw.correct(datasets[:1], [GENES], verbose=0)
    assert corrected[0].shape == (80, len(genes))


@pytest.mark.parametrize("shape", [(0, 60), (5, 0)])
def test_no_cells_or_genes(datasets, shape):
    genes = [GENES, GENES[: shape[1]]]
    assert_refused(
        ValueError, r"data set 1 has \d+ cells and \d+ genes", [datasets[0], sparse.csr_matrix(shape)], genes
    )


def test_no_common_gene(datasets):
    assert_refused(ValueError, "No gene is in all data sets", datasets, [GENES, [g.upper() for g in GENES]])


def test_transposed(datasets, adatas):
    assert_refused(ValueError, "transposed matrix", [datasets[0], datasets[1].T.tocsr()])
    adatas[0].obs_names = [f"cell{i}" for i in range(80)]
    with refuses(adatas[1], ValueError, r"genes x cells. Transpose it: adatas\[1\]"):
        cw.integrate_scanpy([adatas[0], adatas[1].T], verbose=0)


def test_gene_list_of_the_wrong_length(datasets):
    assert_refused(ValueError, r"genes_list\[1\] has 59 names", datasets, [GENES, GENES[1:]])
    assert_refused(ValueError, "1 gene lists for 2 data sets", datasets, [GENES])


def test_duplicated_genes_warn(datasets):
    twice = [*GENES[:-1], GENES[0]]
    with pytest.warns(UserWarning, match="duplicated gene name.*gene0"):
        embedded, genes = integrate(datasets, [twice, GENES])
    assert len(genes) == 59
    assert len(embedded) == 2


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_not_finite(datasets, value):
    datasets[1].data[3] = value
    assert_refused(ValueError, "data set 1 holds 1 NaN or infinite", datasets)


def test_objects(datasets):
    assert_refused(TypeError, "dtype object", [datasets[0], table().astype(object)])
    assert_refused(ValueError, "data set 1", [datasets[0], "counts.csv"])


@pytest.mark.parametrize(
    ("array", "position", "value"), [("indptr", 2, 10**6), ("indptr", 2, 0), ("indices", 4, -1), ("indices", 4, 60)]
)
def test_malformed_csr(datasets, array, position, value):
    getattr(datasets[1], array)[position] = value
    assert_refused(ValueError, "data set 1", datasets)


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"dimred": 0}, ValueError),
        ({"dimred": 2.5}, TypeError),
        ({"knn": 0}, ValueError),
        ({"knn": -3}, ValueError),
        ({"sigma": 0}, ValueError),
        ({"sigma": -1.0}, ValueError),
        ({"sigma": np.nan}, ValueError),
        ({"sigma": np.complex128(15 + 1j)}, TypeError),
        ({"alpha": np.inf}, ValueError),
        ({"alpha": "low"}, TypeError),
        ({"batch_size": 0}, ValueError),
        ({"hvg": -1}, ValueError),
        ({"seed": -1}, ValueError),
        ({"ds_names": ["a"]}, ValueError),
        ({"order": [0, 0]}, ValueError),
        ({"order": ["a", "b"]}, ValueError),
    ],
    ids=str,
)
def test_parameters(datasets, parameters, error):
    assert_refused(error, next(iter(parameters)), datasets, **parameters)


def test_sketch_parameters(datasets):
    for parameters, match in (
        ({"sketch_max": 0}, "sketch_max"),
        ({"sketch_method": "best"}, "'geosketch' or 'uniform'"),
    ):
        with pytest.raises(ValueError, match=match):
            integrate(datasets, sketch=True, **parameters)


def test_unknown_keyword(adatas):
    for function in (cw.integrate_scanpy, cw.correct_scanpy):
        with refuses(adatas[0], TypeError, "'simga'. Did you mean sigma"):
            function(adatas, simga=3)


def test_not_anndata(adatas):
    with pytest.raises(TypeError, match="integrate_anndata"):
        cw.integrate_scanpy(adatas[0])
    with pytest.raises(TypeError, match=r"adatas\[1\] must be an AnnData, found ndarray"):
        cw.integrate_scanpy([adatas[0], np.ones((3, 3))])
    with pytest.raises(TypeError, match="must be an AnnData"):
        cw.integrate_anndata(np.ones((3, 3)), "batch")


def test_batch_key(adatas):
    with refuses(adatas[0], ValueError, "batch_key 'donor' not found; adata.obs has"):
        cw.integrate_anndata(adatas[0], "donor")
    adatas[0].obs["donor"] = ["a", None] * 40
    with refuses(adatas[0], ValueError, "40 missing"):
        cw.integrate_anndata(adatas[0], "donor")


def test_external(adatas):
    adata = adatas[0]
    adata.obs["donor"] = ["a", "b"] * 40
    adata.obsm["X_pca"] = table(n_genes=10)
    with refuses(adata, ValueError, "non-contiguous batches.*integrate_anndata"):
        cw.external.pp.scanorama_integrate(adata, "donor")
    with refuses(adata, KeyError, "'X_lsi' not found"):
        cw.external.pp.scanorama_integrate(adata, "donor", basis="X_lsi")
    with refuses(adata, KeyError, "batch_key 'batch' not found"):
        cw.external.pp.scanorama_integrate(adata, "batch")


def test_backed(adatas, tmp_path):
    adatas[1].write_h5ad(tmp_path / "a.h5ad")
    backed = anndata.read_h5ad(tmp_path / "a.h5ad", backed="r")
    with refuses(adatas[0], NotImplementedError, "backed"):
        cw.integrate_scanpy([adatas[0], backed])


def test_matches_and_alignments(datasets):
    embedded = integrate(datasets, dimred=5)[0]
    for given, match in (
        ({"alignments": [(0, 1)]}, "both alignments and matches"),
        ({"alignments": [(0, 2)], "matches": {}}, "alignments holds"),
        ({"alignments": [(0, 1)], "matches": {(0, 1): {(0, 99)}}}, "outside its data set"),
    ):
        with pytest.raises(ValueError, match=match):
            cw.scanorama.assemble(list(embedded), verbose=0, **given)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_every_layout_works_and_stays_as_it_is(layout, datasets):
    expected = integrate(datasets, dimred=10)[0]
    given = [layout(d) for d in datasets]
    before = as_bytes(given)
    for mine, other in zip(integrate(given, dimred=10)[0], expected, strict=True):
        np.testing.assert_allclose(np.abs(mine), np.abs(other), atol=1e-5)
    assert as_bytes(given) == before


@pytest.mark.parametrize("approx", [True, False])
def test_unusual_data_works(approx):
    few, many = dataset(n_cells=5), dataset(n_cells=40, seed=1)
    zeros = sparse.csr_matrix((30, 60), dtype=np.float32)
    same = sparse.csr_matrix(np.tile(table(n_cells=1), (50, 1)))
    negative = sparse.csr_matrix(table() - 1.0)
    for datasets in ([few, many], [zeros, many], [same, many], [same, same], [zeros, zeros], [negative, many]):
        embedded, _ = integrate(datasets, approx=approx, knn=20, dimred=500)
        assert [len(e) for e in embedded] == [d.shape[0] for d in datasets]
        assert all(np.isfinite(e).all() for e in embedded)
        assert all(np.isfinite(e.data).all() for e in cw.correct(datasets, [GENES] * 2, verbose=0)[0])


def test_views_work(adatas):
    views = [adata[10:] for adata in adatas]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cw.integrate_scanpy(views, verbose=0)
    assert views[0].obsm["X_scanorama"].shape == (70, 60)
    assert "X_scanorama" not in adatas[0].obsm


def test_twenty_six_data_sets():
    datasets = [dataset(n_cells=40 + i, seed=i) for i in range(26)]
    embedded, _, report = integrate(datasets, return_report=True, alpha=0.05)
    assert [len(e) for e in embedded] == [40 + i for i in range(26)]
    assert sum(len(panorama) for panorama in report.panoramas) == 26
