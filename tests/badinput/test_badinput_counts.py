"""The counts room refuses what it cannot work on, says why, and leaves its input alone."""

from __future__ import annotations

import anndata
import numpy as np
import pytest
from scipy import sparse

import cellweave as cw
from support import refuses

CALLS = {
    "qc": lambda a: cw.pp.calculate_qc_metrics(a, inplace=True, percent_top=None),
    "filter_cells": lambda a: cw.pp.filter_cells(a, min_genes=1),
    "filter_genes": lambda a: cw.pp.filter_genes(a, min_cells=1),
    "normalize_total": lambda a: cw.pp.normalize_total(a),
    "log1p": lambda a: cw.pp.log1p(a),
    "scale": lambda a: cw.pp.scale(a),
    "scale-sparse": lambda a: cw.pp.scale(a, zero_center=False),
    "regress_out": lambda a: cw.pp.regress_out(a, "depth"),
    "combat": lambda a: cw.pp.combat(a, key="batch"),
    "downsample": lambda a: cw.pp.downsample_counts(a, counts_per_cell=1),
    "score_genes": lambda a: cw.tl.score_genes(a, ["0", "1"]),
}
REFUSES_MISSING = ["qc", "normalize_total", "log1p", "scale", "scale-sparse", "regress_out", "combat", "downsample"]


def small(matrix=None) -> anndata.AnnData:
    counts = np.random.RandomState(0).poisson(1, (12, 9)).astype(np.float32)
    adata = anndata.AnnData(sparse.csr_matrix(counts) if matrix is None else matrix(counts))
    adata.obs["depth"] = np.arange(12.0) ** 2
    adata.obs["batch"] = ["a", "b"] * 6
    return adata


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("format_", [sparse.csr_matrix, sparse.csc_matrix])
def test_malformed_indptr(name, format_):
    adata = small(format_)
    adata.X.indptr[3] = adata.X.indptr[4] + 2
    with refuses(adata, ValueError, "indptr falls"):
        CALLS[name](adata)


@pytest.mark.parametrize("name", [name for name in CALLS if name not in ("normalize_total", "log1p", "filter_cells")])
@pytest.mark.parametrize("bad", [-1, 10_000])
@pytest.mark.parametrize("format_", [sparse.csr_matrix, sparse.csc_matrix])
def test_index_out_of_range(name, bad, format_):
    if name == "filter_genes" and format_ is sparse.csc_matrix:
        pytest.skip("the columns of a CSC matrix are counted without following an index")
    adata = small(format_)
    adata.X.indices[7] = bad
    with refuses(adata, ValueError, "adata.X: index .* lies outside"):
        CALLS[name](adata)


@pytest.mark.parametrize("name", REFUSES_MISSING)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("format_", [sparse.csr_matrix, sparse.csc_matrix, np.array])
def test_missing_and_infinite_values(name, value, format_):
    if name == "log1p" and format_ is np.array:
        pytest.skip("numpy's and scanpy's logarithm of a dense array passes them through")
    adata = small(format_)
    if format_ is np.array:
        adata.X[2, 2] = value
    else:
        adata.X.data[5] = value
    with refuses(adata, ValueError, "NaN or infinite|negative"):
        CALLS[name](adata)


@pytest.mark.parametrize("format_", [sparse.csr_matrix, sparse.csc_matrix, np.array])
def test_negative_counts(format_):
    adata = small(lambda counts: format_(np.where(counts == 2, -2, counts)))
    with refuses(adata, ValueError, "negative"):
        CALLS["downsample"](adata)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("format_", [sparse.csr_matrix, sparse.csc_matrix, np.array])
@pytest.mark.parametrize("shape", [(1, 9), (12, 1), (1, 1), (12, 9)])
def test_nothing_above_zero_and_single_cells_and_genes(name, format_, shape):
    adata = small(lambda counts: format_(counts[: shape[0], : shape[1]] * 0)) if shape == (12, 9) else None
    if adata is None:
        adata = small()[: shape[0], : shape[1]].copy()
        adata.X = format_(adata.X.toarray())
    try:
        CALLS[name](adata)
    except (ValueError, RuntimeError) as error:
        assert str(error)  # noqa: PT017 - some are refused, with a message; none crashes


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda a: cw.pp.calculate_qc_metrics(a, percent_top=[50]), IndexError, "Positions outside range"),
        (lambda a: cw.pp.calculate_qc_metrics(a, percent_top=["a"]), TypeError, "whole numbers"),
        (
            lambda a: cw.pp.calculate_qc_metrics(a, qc_vars=["mt"], percent_top=None),
            KeyError,
            "qc_vars: 'mt' not found",
        ),
        (lambda a: cw.pp.calculate_qc_metrics(a, layer="none"), KeyError, "layer 'none' not found"),
        (lambda a: cw.pp.calculate_qc_metrics(a, layer="x", use_raw=True), ValueError, "both layer and raw"),
        (lambda a: cw.pp.filter_cells(a), ValueError, "Only provide one of the optional parameters"),
        (lambda a: cw.pp.filter_cells(a, min_genes=1, max_genes=2), ValueError, "Only provide one"),
        (lambda a: cw.pp.filter_genes(a, min_cells="3"), TypeError, "min_cells must be a number"),
        (lambda a: cw.pp.normalize_total(a, target_sum=-1), ValueError, "target_sum must be a finite number above 0"),
        (lambda a: cw.pp.normalize_total(a, target_sum="1e4"), TypeError, "target_sum must be a number"),
        (lambda a: cw.pp.normalize_total(a, max_fraction=2), ValueError, "Choose max_fraction between 0 and 1"),
        (lambda a: cw.pp.normalize_total(a, copy=True, inplace=False), ValueError, "cannot be used with"),
        (lambda a: cw.pp.normalize_total(a, layer="none"), KeyError, "layer 'none' not found"),
        (lambda a: cw.pp.log1p(a, base="2"), TypeError, "base must be a number"),
        (lambda a: cw.pp.log1p(a, base=0), ValueError, "base must be"),
        (lambda a: cw.pp.log1p(a.X, layer="x"), TypeError, "only valid if an AnnData"),
        (lambda a: cw.pp.log1p(a, chunked=True, layer="x"), NotImplementedError, "chunked"),
        (lambda a: cw.pp.scale(a, mask_obs=np.ones(12)), ValueError, "Mask array must be boolean"),
        (lambda a: cw.pp.scale(a, mask_obs=np.ones(3, dtype=bool)), ValueError, "shape of the mask"),
        (lambda a: cw.pp.scale(a, mask_obs="none"), ValueError, "Did not find"),
        (lambda a: cw.pp.scale(a, max_value="10"), TypeError, "max_value must be a number"),
        (lambda a: cw.pp.scale(a.X, mask_obs="kept"), ValueError, "Cannot refer to mask"),
        (lambda a: cw.pp.regress_out(a, "none"), KeyError, "keys: .* not found"),
        (lambda a: cw.pp.regress_out(a, []), ValueError, "keys is empty"),
        (lambda a: cw.pp.regress_out(a, ["batch", "depth"]), ValueError, "only a single one is allowed"),
        (lambda a: cw.pp.combat(a, key="none"), ValueError, "Could not find the key"),
        (lambda a: cw.pp.combat(a, key="batch", covariates=["none"]), ValueError, "Could not find the covariate"),
        (lambda a: cw.pp.combat(a, key="batch", covariates=["batch"]), ValueError, "cannot overlap"),
        (lambda a: cw.pp.sample(a), TypeError, "must be set"),
        (lambda a: cw.pp.sample(a, 0.5, n=3), TypeError, "not allowed"),
        (lambda a: cw.pp.sample(a, 1.5), ValueError, "within"),
        (lambda a: cw.pp.sample(a, 0.5, axis="cells"), ValueError, "axis"),
        (lambda a: cw.pp.downsample_counts(a), ValueError, "exactly one"),
        (lambda a: cw.pp.downsample_counts(a, counts_per_cell="x"), TypeError, "whole numbers"),
        (lambda a: cw.pp.downsample_counts(a, counts_per_cell=[1, 2]), ValueError, "coercible"),
        (lambda a: cw.tl.score_genes(a, ["nobody"]), ValueError, "No valid genes"),
        (lambda a: cw.tl.score_genes(a, ["0"], gene_pool=["nobody"]), ValueError, "reference set"),
        (lambda a: cw.tl.score_genes(a, ["0"], ctrl_size="5"), TypeError, "ctrl_size must be a number"),
        (lambda a: cw.tl.score_genes(a, ["0"], layer="none"), KeyError, "layer 'none' not found"),
        (lambda a: cw.tl.score_genes(a, ["0"], use_raw=True), ValueError, "adata.raw is not set"),
    ],
)
def test_wrong_arguments(call, error, match):
    adata = small()
    with refuses(adata, error, match):
        call(adata)


@pytest.mark.parametrize("name", CALLS)
def test_backed(name, tmp_path):
    small().write_h5ad(tmp_path / "small.h5ad")
    adata = anndata.read_h5ad(tmp_path / "small.h5ad", backed="r")
    with pytest.raises(NotImplementedError, match="backed"):
        CALLS[name](adata)
    adata.file.close()


def test_log1p_of_a_backed_matrix_in_chunks(tmp_path):
    expected = np.log1p(small().X.toarray())
    small(np.array).write_h5ad(tmp_path / "small.h5ad")
    adata = anndata.read_h5ad(tmp_path / "small.h5ad", backed="r+")
    cw.pp.log1p(adata, chunked=True, chunk_size=5)
    np.testing.assert_allclose(adata.X[:], expected, rtol=1e-6)
    adata.file.close()


def test_not_an_anndata():
    for call in (cw.pp.calculate_qc_metrics, cw.pp.normalize_total):
        with pytest.raises(TypeError, match="must be an AnnData"):
            call("adata")
