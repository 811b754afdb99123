"""The counts room against its plain definitions, over shapes, dtypes, layouts and sparsity that hypothesis chooses."""

from __future__ import annotations

import warnings

import anndata
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

import cellweave as cw
from reference import counts as definition
from support import LAYOUTS

few = settings(max_examples=40, deadline=None)

#: Layouts whose dtype can hold fractions.
REAL_LAYOUTS = {name: layout for name, layout in LAYOUTS.items() if "int" not in name}


@st.composite
def matrices(draw, layouts=LAYOUTS):
    """Counts as CSR, and the same in a layout; also of one cell or gene, or all zero."""
    n_cells, n_genes = draw(st.integers(1, 40)), draw(st.integers(1, 60))
    density = draw(st.sampled_from([0.0, 0.05, 0.5, 1.0]))
    largest = draw(st.sampled_from([1, 5, 700, 60000]))
    random = np.random.RandomState(draw(st.integers(0, 2**32 - 1)))
    counts = random.randint(1, largest + 1, (n_cells, n_genes)) * (random.uniform(size=(n_cells, n_genes)) < density)
    layout = draw(st.sampled_from(sorted(layouts)))
    return counts.astype(float), layouts[layout](sparse.csr_matrix(counts.astype(float)))


def as_array(matrix) -> np.ndarray:
    return matrix.toarray() if sparse.issparse(matrix) else np.asarray(matrix)


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


def close(ours, expected, rtol=1e-5, atol=1e-6):
    np.testing.assert_allclose(as_array(ours).astype(float), expected, rtol=rtol, atol=atol)


@few
@given(matrices(), st.data())
def test_qc(pair, data):
    counts, matrix = pair
    ranks = sorted(data.draw(st.sets(st.integers(1, counts.shape[1]), min_size=1, max_size=3)))
    adata = anndata.AnnData(matrix)
    members = np.arange(adata.n_vars) % 3 == 0
    adata.var["set"] = members
    obs, var = cw.pp.calculate_qc_metrics(adata, percent_top=ranks, qc_vars=["set"])
    for name, expected in definition.qc_of_cells(counts, ranks, members).items():
        close(obs[name].to_numpy(), expected)
    for name, expected in definition.qc_of_genes(counts).items():
        close(var[name].to_numpy(), expected)
    np.testing.assert_array_equal(as_array(adata.X), counts)


@few
@given(matrices(), st.integers(0, 30), st.integers(0, 2000))
def test_filters(pair, n_least, total_least):
    counts, matrix = pair
    adata = anndata.AnnData(matrix, layers={"same": matrix.copy()})
    adata.obs["row"], adata.var["col"] = np.arange(adata.n_obs), np.arange(adata.n_vars)
    cw.pp.filter_cells(adata, min_genes=n_least)
    rows = (counts > 0).sum(axis=1) >= n_least
    cw.pp.filter_genes(adata, min_counts=total_least)
    cols = counts[rows].sum(axis=0) >= total_least
    np.testing.assert_array_equal(as_array(adata.X), counts[rows][:, cols])
    np.testing.assert_array_equal(as_array(adata.layers["same"]), counts[rows][:, cols])
    np.testing.assert_array_equal(adata.obs["row"], np.flatnonzero(rows))
    np.testing.assert_array_equal(adata.var["col"], np.flatnonzero(cols))


@few
@given(matrices(), st.sampled_from([None, 1.0, 1e4]))
def test_normalize_and_log(pair, target_sum):
    counts, matrix = pair
    adata = anndata.AnnData(matrix)
    cw.pp.normalize_total(adata, target_sum=target_sum)
    expected = definition.normalize_total(counts, target_sum)
    close(adata.X, expected)
    cw.pp.log1p(adata)
    close(adata.X, np.log1p(expected))


@few
@given(matrices(), st.booleans(), st.sampled_from([None, 0.7]))
def test_scale(pair, zero_center, max_value):
    counts, matrix = pair
    adata = anndata.AnnData(matrix)
    cw.pp.scale(adata, zero_center=zero_center, max_value=max_value)
    close(adata.X, definition.scale(counts, zero_center, max_value), rtol=1e-4, atol=1e-5)


@few
@given(matrices(REAL_LAYOUTS), st.integers(1, 3))
def test_regress_out(pair, n_keys):
    counts, matrix = pair
    annotation = np.random.RandomState(n_keys).normal(size=(len(counts), n_keys))
    adata = anndata.AnnData(matrix)
    keys = [f"key{k}" for k in range(n_keys)]
    adata.obs[keys] = annotation
    is_constant = (counts == counts[0]).all(axis=0)
    cw.pp.regress_out(adata, keys)
    expected = definition.regress_out(counts, annotation)
    scale = 1e-6 * (1 + np.abs(counts).max())
    close(adata.X[:, ~is_constant], expected[:, ~is_constant], atol=10 * scale)


@few
@given(matrices(), st.integers(0, 500), st.booleans())
def test_downsample(pair, target, replace):
    counts, matrix = pair
    counts = np.minimum(counts, 50)
    adata = anndata.AnnData(
        type(matrix)(counts.astype(matrix.dtype)) if sparse.issparse(matrix) else counts.astype(matrix.dtype)
    )
    cw.pp.downsample_counts(adata, counts_per_cell=target, replace=replace)
    drawn = as_array(adata.X)
    np.testing.assert_array_equal(drawn.sum(axis=1), np.minimum(counts.sum(axis=1), target))
    if not replace:
        assert (drawn <= counts).all()
    assert (drawn[counts == 0] == 0).all()
