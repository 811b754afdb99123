"""Properties: whatever the shape, dtype and sparsity, each function equals its plain definition."""

import warnings

import anndata
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

import cellweave as cw
from cellweave._core import engine
from cellweave._moments import sum_moments
from reference import variable_genes as define
from reference.loess import loess
from support import LAYOUTS

QUICK = settings(max_examples=40, deadline=None, derandomize=True)


@st.composite
def counts(draw, min_cells=1, min_genes=1):
    """Small matrices of counts with empty rows and columns among them."""
    n_cells, n_genes = draw(st.integers(min_cells, 30)), draw(st.integers(min_genes, 40))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    rates = rng.gamma(draw(st.sampled_from([0.1, 0.5, 3.0])), size=n_genes) * 2
    return rng.poisson(rates, size=(n_cells, n_genes))


layouts = st.sampled_from(sorted(LAYOUTS))


def in_layout(matrix, layout):
    return LAYOUTS[layout](sparse.csr_matrix(matrix))


@QUICK
@given(counts(), layouts, st.integers(1, 4))
def test_moments(matrix, layout, n_groups):
    groups = (np.arange(len(matrix)) * 7 % n_groups).astype(np.int32)
    found = sum_moments(in_layout(matrix, layout), groups=groups, n_groups=n_groups)
    for group in range(n_groups):
        members = matrix[groups == group].astype(float)
        assert found.n_cells[group] == len(members)
        np.testing.assert_array_equal(found.sums[group], members.sum(axis=0))
        np.testing.assert_array_equal(found.squares[group], (members**2).sum(axis=0))
    assert [found.has_negative, found.has_fraction, found.has_nonfinite] == [False] * 3
    pooled = found.pooled().mean_variance()
    for mine, expected in zip(pooled, define.mean_and_variance(matrix.astype(float)), strict=True):
        np.testing.assert_allclose(mine[0], expected, rtol=1e-10, atol=1e-12)


@QUICK
@given(counts(), layouts)
def test_moments_of_capped_values_and_kinds(matrix, layout):
    caps = np.linspace(0, 5, matrix.shape[1])[None]
    found = sum_moments(in_layout(matrix, layout), caps=caps)
    np.testing.assert_allclose(found.sums[0], np.minimum(matrix, caps).sum(axis=0), rtol=1e-12)
    signed = sum_moments(in_layout(matrix - 1, "dense-float32"))
    assert signed.has_negative == bool((matrix == 0).any())
    halves = sum_moments(in_layout(matrix / 2, "csr-float64"))
    assert halves.has_fraction == bool((matrix % 2).any())


@QUICK
@given(st.integers(0, 10**6), st.integers(12, 120), st.floats(0.2, 1.0), st.booleans())
def test_loess(seed, n, span, has_ties):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    if has_ties:
        x = np.round(x, 1)
    y = np.sin(2 * x) + rng.normal(size=n)
    near = [np.unique(x[np.argsort(np.abs(x - v))[: int(n * span + 1e-5)]]) for v in x]
    if min(map(len, near)) < 6:  # the definition has no answer for few distinct x
        return
    np.testing.assert_allclose(engine.loess(x, y, span, 2), loess(x, y, span), rtol=1e-7, atol=1e-7)


@QUICK
@given(counts(min_cells=2, min_genes=3), layouts)
def test_dispersions(matrix, layout):
    layout = layout.replace("int32", "float64").replace("int64", "float64").replace("uint16", "float64")
    if layout not in LAYOUTS:
        layout = "csr-float64"
    if len(np.unique(matrix.sum(axis=0))) < 3:
        return
    logs = np.log1p(matrix)
    adata = anndata.AnnData(in_layout(logs, layout))
    table = cw.pp.highly_variable_genes(adata, inplace=False)
    rtol = 1e-4 if "float32" in layout or "fortran" in layout else 1e-8
    means, dispersions = define.dispersions(np.asarray(adata.to_df(), dtype=np.float64))
    np.testing.assert_allclose(table["means"], means, rtol=rtol, atol=1e-11)
    # A gene constant over the cells has rounding for a variance.
    varying = matrix.var(axis=0) > 0
    np.testing.assert_allclose(table["dispersions"][varying], dispersions[varying], rtol=rtol, atol=rtol)
    assert table["highly_variable"].dtype == bool
    expected = define.normalized_dispersions(table["means"].to_numpy(), table["dispersions"].to_numpy())
    np.testing.assert_allclose(table["dispersions_norm"], expected, rtol=1e-6, atol=1e-8)


@QUICK
@given(counts(min_cells=3, min_genes=20), layouts)
def test_normalized_variances(matrix, layout):
    adata = anndata.AnnData(in_layout(matrix, layout))
    table = cw.pp.highly_variable_genes(adata, flavor="seurat_v3", n_top_genes=5, inplace=False, span=0.5)
    means, variances = (table[c].to_numpy() for c in ("means", "variances"))
    varying = variances > 0
    if not varying.any():
        return
    fitted = engine.loess(np.log10(means[varying]), np.log10(variances[varying]), 0.5, 1)
    expected = define.normalized_variances(matrix.astype(float), fitted, varying)
    np.testing.assert_allclose(table["variances_norm"], expected, rtol=1e-8, atol=1e-10)
    assert table["highly_variable"].sum() == 5


@QUICK
@given(counts(min_cells=2, min_genes=2), layouts, st.sampled_from([1.0, 100.0, np.inf]), st.sampled_from([None, 0.7]))
def test_pearson_residuals(matrix, layout, theta, clip):
    if matrix.sum() == 0:
        return
    adata = anndata.AnnData(in_layout(matrix, layout))
    used = np.sqrt(len(matrix)) if clip is None else clip
    expected = define.pearson_residuals(matrix.astype(float), theta, used)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = cw.experimental.pp.normalize_pearson_residuals(adata, theta=theta, clip=clip, inplace=False)
    np.testing.assert_allclose(result["X"], expected, rtol=1e-5, atol=1e-5)
    assert result["X"].dtype == (np.float32 if adata.X.dtype == np.float32 and clip is not None else np.float64)
    table = cw.experimental.pp.highly_variable_genes(adata, theta=theta, clip=clip, n_top_genes=1, inplace=False)
    no_counts = np.nan_to_num(expected)
    np.testing.assert_allclose(table["residual_variances"], no_counts.var(axis=0), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("flavor", ["seurat", "cell_ranger", "seurat_v3", "seurat_v3_paper"])
def test_batches_are_ranked_as_each_alone(flavor):
    rng = np.random.default_rng(0)
    matrix = rng.poisson(rng.gamma(1.0, size=200), size=(90, 200)).astype(np.float64)
    filtered = {}
    if not flavor.startswith("seurat_v3"):
        matrix = np.log1p(matrix)
        filtered = {"filter_unexpressed_genes": True}
    adata = anndata.AnnData(
        matrix,
        obs=pd.DataFrame({"batch": np.array(["b", "a", "b"])[np.arange(90) % 3]}, index=np.arange(90).astype(str)),
    )
    together = cw.pp.highly_variable_genes(adata, flavor=flavor, n_top_genes=30, batch_key="batch", inplace=False)
    alone = [
        cw.pp.highly_variable_genes(part, flavor=flavor, n_top_genes=30, inplace=False, **filtered)
        for part in (adata[adata.obs["batch"] == name].copy() for name in "ab")
    ]
    chosen = sum(table["highly_variable"].to_numpy().astype(int) for table in alone)
    np.testing.assert_array_equal(together["highly_variable_nbatches"], chosen)
    assert together["highly_variable"].sum() == 30
    assert set(together.index[chosen == 2]) <= set(together.index[together["highly_variable"]]) or flavor == "seurat_v3"
