"""Wrong input to geometric sketching: an error that says what was wrong."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from cellweave.geosketch import gs, uniform

CELLS = np.random.default_rng(0).normal(size=(100, 4))


@pytest.mark.parametrize("draw", [gs, uniform])
@pytest.mark.parametrize(
    ("n_drawn", "error", "message"),
    [
        (101, ValueError, "Cannot sample 101 elements from 100 elements without replacement"),
        (0, ValueError, "N must be a whole number of at least 1, found 0"),
        (-3, ValueError, "N must be a whole number of at least 1"),
        (2.5, TypeError, "N must be a whole number, found 2.5"),
        (True, TypeError, "N must be a whole number"),
    ],
)
def test_sizes(draw, n_drawn, error, message):
    with pytest.raises(error, match=message):
        draw(CELLS, n_drawn)


@pytest.mark.parametrize("draw", [gs, uniform])
def test_one_dimension(draw):
    with pytest.raises(ValueError, match="X has 1 dimension"):
        draw(CELLS[:, 0], 10)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite(bad):
    cells = CELLS.copy()
    cells[3, 2] = bad
    with pytest.raises(ValueError, match=r"X holds 1 NaN or infinite value"):
        gs(cells, 10)


@pytest.mark.parametrize(
    ("cells", "error", "message"),
    [
        (sparse.csr_matrix(CELLS), TypeError, "X is sparse"),
        (CELLS.astype(object), TypeError, "dtype object"),
        (CELLS[:0], ValueError, "empty"),
        (CELLS[:, :0], ValueError, "empty"),
    ],
)
def test_matrices(cells, error, message):
    with pytest.raises(error, match=message):
        gs(cells, 10)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"k": 0}, ValueError, "Cannot draw 0 covering boxes"),
        ({"k": "many"}, ValueError, "k must be 'auto'"),
        ({"alpha": -1}, ValueError, "alpha must be at least 0"),
        ({"alpha": np.nan}, ValueError, "alpha must be at least 0"),
        ({"max_iter": 0}, ValueError, "max_iter must be at least 1"),
        ({"seed": -1}, ValueError, "Seed must be between"),
        ({"labels": None}, TypeError, "labels"),
    ],
)
def test_options(options, error, message):
    with pytest.raises(error, match=message):
        gs(CELLS, 10, **options)


def test_identical_cells_warn_and_work():
    with pytest.warns(UserWarning, match="found 1 covering boxes"):
        assert len(set(gs(np.ones((50, 3)), 10, seed=0))) == 10


def test_a_failed_call_leaves_the_random_state():
    state = np.random.RandomState(0)
    with pytest.raises(ValueError, match="N must be"):
        gs(CELLS, 0, seed=state)
    assert state.random_sample() == np.random.RandomState(0).random_sample()
