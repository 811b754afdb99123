"""Geometric sketching against geosketch 1.3: the very same indices."""

from __future__ import annotations

import numpy as np
import pytest

from cellweave.geosketch import gs, gs_gap, uniform
from support import assert_same_bytes_at_any_thread_count

original = pytest.importorskip("geosketch")


def _cells(n_cells: int, n_features: int, dtype: str = "float64") -> np.ndarray:
    rng = np.random.default_rng(n_cells + n_features)
    centres = 3 * rng.normal(size=(6, n_features))
    cells = centres[rng.integers(0, 6, n_cells)] + rng.normal(size=(n_cells, n_features))
    return (cells * np.linspace(5, 0.5, n_features)).astype(dtype)


@pytest.mark.parametrize(
    ("n_cells", "n_features", "n_drawn", "dtype", "options"),
    [
        pytest.param(800, 10, 100, "float64", {}, id="float64"),
        pytest.param(800, 10, 100, "float32", {}, id="float32"),
        pytest.param(1200, 40, 1199, "float32", {}, id="nearly-all"),
        pytest.param(2000, 1, 400, "float64", {}, id="one-feature"),
        pytest.param(900, 20, 300, "float64", {"replace": True}, id="replace"),
        pytest.param(400, 5, 900, "float32", {"replace": True, "k": 37}, id="more-than-there-are"),
        pytest.param(700, 5, 600, "float64", {"k": 50}, id="several-rounds"),
        pytest.param(300, 6, 299, "float64", {"k": 1, "alpha": 0.3}, id="one-box"),
        pytest.param(300, 6, 120, "float64", {"one_indexed": True}, id="one-indexed"),
        pytest.param(300, 6, 300, "float64", {}, id="all"),
        pytest.param(300, 6, 300, "float64", {"one_indexed": True}, id="all-one-indexed"),
    ],
)
def test_draws_the_same_cells(n_cells, n_features, n_drawn, dtype, options):
    cells = _cells(n_cells, n_features, dtype)
    for seed in (0, 1):
        expected = [int(cell) for cell in original.gs(cells, n_drawn, seed=seed, **options)]
        assert gs(cells, n_drawn, seed=seed, **options) == expected
        assert gs_gap(cells, n_drawn, seed=seed, **options) == expected


@pytest.mark.filterwarnings("ignore:geosketch")
def test_boxes_that_cannot_be_found_draw_the_same_cells():
    cells = np.repeat(_cells(40, 5), 5, axis=0)
    expected = original.gs(cells, 30, seed=0, k=150, max_iter=30)
    assert gs(cells, 30, seed=0, k=150, max_iter=30) == [int(cell) for cell in expected]


def test_real_cells_draw_the_same(paul15):
    from sklearn.decomposition import TruncatedSVD

    embedding = TruncatedSVD(30, random_state=0).fit_transform(paul15.X)
    assert gs(embedding, 400, seed=3) == [int(cell) for cell in original.gs(embedding, 400, seed=3)]


@pytest.mark.parametrize("replace", [False, True])
def test_uniform_draws_the_same_cells(replace):
    from geosketch.sketch import uniform as original_uniform

    cells = _cells(200, 3)
    for n_drawn in (50, 200):
        expected = [int(cell) for cell in original_uniform(cells, n_drawn, seed=5, replace=replace)]
        assert uniform(cells, n_drawn, seed=5, replace=replace) == expected


def test_a_random_state_is_advanced_as_the_original_advances_the_global_one():
    cells = _cells(600, 8)
    state = np.random.RandomState(7)
    ours = [gs(cells, 90, seed=state), gs(cells, 90, seed=state)]
    caller = np.random.get_state()
    try:
        np.random.seed(7)
        theirs = [[int(cell) for cell in original.gs(cells, 90)] for _ in range(2)]
        assert np.random.random_sample() == state.random_sample()
    finally:
        np.random.set_state(caller)
    assert ours == theirs
    assert ours[0] != ours[1]


def test_without_a_seed_the_global_random_state_is_advanced_as_by_the_original():
    cells = _cells(300, 4)
    caller = np.random.get_state()
    try:
        drawn = []
        for draw in (gs, original.gs):
            np.random.seed(3)
            drawn.append([[int(cell) for cell in draw(cells, 50)] for _ in range(2)] + [np.random.random_sample()])
    finally:
        np.random.set_state(caller)
    assert drawn[0] == drawn[1]


def test_a_seed_leaves_the_global_random_state_alone():
    cells = _cells(300, 4)
    before = np.random.get_state()[1].tobytes(), np.random.get_state()[2]
    gs(cells, 50, seed=1)
    uniform(cells, 50, seed=1)
    assert (np.random.get_state()[1].tobytes(), np.random.get_state()[2]) == before


def test_the_input_is_left_alone():
    cells = _cells(300, 4)
    before = cells.tobytes()
    gs(cells, 50, seed=1)
    assert cells.tobytes() == before


def test_same_cells_at_any_thread_count():
    cells = _cells(9000, 12)
    assert_same_bytes_at_any_thread_count(lambda: gs(cells, 700, seed=1))


def test_rare_cells_are_drawn_more_often_than_by_chance():
    rng = np.random.default_rng(0)
    cells = np.concatenate([rng.normal(size=(4950, 5)), 8 + rng.normal(size=(50, 5))])
    rare = sum(cell >= 4950 for cell in gs(cells, 250, seed=0))
    assert rare > 3 * 250 * 50 / 5000


@pytest.mark.parametrize("layout", [np.asfortranarray, np.ascontiguousarray, lambda x: np.repeat(x, 2, axis=0)[::2]])
def test_any_memory_layout(layout):
    cells = _cells(300, 6)
    assert gs(layout(cells), 60, seed=2) == gs(cells, 60, seed=2)


def test_other_number_types():
    cells = np.random.default_rng(0).integers(0, 50, (300, 4))
    assert gs(cells, 40, seed=0) == gs(cells.astype(float), 40, seed=0)
    assert len(gs(cells.astype(np.float16), 40, seed=0)) == 40
    assert gs(cells.tolist(), 40, seed=0) == gs(cells, 40, seed=0)
