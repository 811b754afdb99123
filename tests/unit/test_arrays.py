"""The array layer: nothing is copied that need not be, and nothing malformed reaches the engine."""

import numpy as np
import pytest
from scipy import sparse

import cellweave as cw
from cellweave import _arrays
from cellweave._core import engine


@pytest.fixture
def counts():
    return sparse.random(40, 30, 0.2, format="csr", dtype=np.float32, random_state=0)


@pytest.fixture
def conversions(caplog):
    """The messages of verbosity 3."""
    before = cw.settings.verbosity
    cw.settings.verbosity = 3
    yield lambda: [record.getMessage() for record in caplog.records if "is converted" in record.getMessage()]
    cw.settings.verbosity = before


@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csr_array, sparse.csc_matrix, sparse.csc_array])
def test_a_compressed_matrix_is_read_where_it_lies(counts, make, conversions):
    matrix = make(counts)
    view = _arrays.compressed(matrix)
    assert isinstance(view, engine.Csr if matrix.format == "csr" else engine.Csc)
    assert conversions() == []


def test_a_conversion_is_logged(counts, conversions):
    _arrays.csr(counts.astype(np.uint8).tocsc(), "adata.X")
    assert "adata.X is converted: csc to csr" in conversions()
    assert "adata.X is converted: uint8 to float32" in conversions()


def test_a_dense_matrix_in_c_order_is_itself():
    matrix = np.zeros((3, 4), np.float32)
    assert np.shares_memory(_arrays.dense(matrix), matrix)


def corrupt(matrix, part, position, value):
    matrix = matrix.copy()
    getattr(matrix, part)[position] = value
    return matrix


@pytest.mark.parametrize(
    ("part", "position", "value", "message"),
    [
        ("indptr", 0, 1, "indptr starts at 1"),
        ("indptr", 5, -3, "indptr falls"),
        ("indptr", -1, 10**6, "indptr ends at 1000000, but only"),
        ("indices", 7, 30, "index 30 at position 7 lies outside 0 to 29"),
        ("indices", 0, -1, "index -1 at position 0"),
    ],
)
@pytest.mark.parametrize("index_dtype", [np.int32, np.int64])
def test_a_malformed_matrix_is_refused(counts, part, position, value, message, index_dtype):
    counts.indices, counts.indptr = counts.indices.astype(index_dtype), counts.indptr.astype(index_dtype)
    with pytest.raises(ValueError, match=message):
        _arrays.compressed(corrupt(counts, part, position, value), "adata.X")


def test_lengths_that_disagree_are_refused(counts):
    counts.indptr = counts.indptr[:-1]
    with pytest.raises(ValueError, match="indptr has 40 entries, expected 41"):
        _arrays.compressed(counts)


@pytest.mark.parametrize(
    ("matrix", "error", "message"),
    [
        (np.array([["a", "b"]]), TypeError, "has dtype <U1; expected numbers"),
        (np.array([[1, None]], dtype=object), TypeError, "has dtype object"),
        (np.zeros(3), ValueError, "has 1 dimension"),
        (np.zeros((2, 2), complex), TypeError, "has dtype complex128"),
    ],
)
def test_what_is_not_a_matrix_of_numbers_is_refused(matrix, error, message):
    with pytest.raises(error, match=message):
        _arrays.checked(matrix, "X")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_counted(counts, bad):
    counts.data[3] = bad
    with pytest.raises(ValueError, match="adata.X holds 1 NaN or infinite"):
        _arrays.require_finite(counts, "adata.X")
