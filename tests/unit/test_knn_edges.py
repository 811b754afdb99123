"""What the search does at its edges."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy import sparse

from cellweave.neighbors import KNNTransformer, knn


def test_duplicates_keep_self_first_and_go_by_index():
    points = np.zeros((300, 4), dtype=np.float32)
    indices, distances = knn(points, 5)
    assert (indices[:, 0] == np.arange(300)).all()
    assert (distances == 0).all()
    assert indices[7].tolist() == [7, 0, 1, 2, 3]


@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "cosine", "correlation"])
@pytest.mark.parametrize("copied", ["a row", "zeros"])
def test_many_copies_are_searched_like_any_other_points(metric, copied):
    rng = np.random.default_rng(0)
    points = rng.normal(size=(400, 6))
    points[rng.permutation(400)[:300]] = points[0] if copied == "a row" else 0.0
    queries = points[:50] + rng.integers(0, 2, size=(50, 1))
    # Searched among k = all, there is no copy that could be left out.
    everything, from_all = knn(points, 400, metric=metric, dtype=np.float64)
    indices, distances = knn(points, 15, metric=metric, dtype=np.float64)
    assert np.array_equal(indices, everything[:, :15])
    assert np.array_equal(distances, from_all[:, :15])
    everything, from_all = knn(points, 400, queries=queries, metric=metric, dtype=np.float64)
    indices, distances = knn(points, 15, queries=queries, metric=metric, dtype=np.float64)
    assert np.array_equal(indices, everything[:, :15])
    assert np.array_equal(distances, from_all[:, :15])


@pytest.mark.parametrize("metric", ["cosine", "correlation"])
def test_rows_without_direction_lie_at_distance_one(metric):
    points = np.random.default_rng(0).normal(size=(50, 6))
    points[[3, 9]] = 0 if metric == "cosine" else 4.2
    indices, distances = knn(points, 50, metric=metric, dtype=np.float64)
    assert indices[3, 0] == 3
    assert distances[3, 0] == 0
    assert (distances[3, 1:] == 1).all()


N_POINTS = 6000
SHAPES = {
    "two clouds far apart": lambda rng: rng.normal(size=(N_POINTS, 20)) + 1e4 * (np.arange(N_POINTS) % 2)[:, None],
    "heavy tails": lambda rng: rng.standard_t(1.5, size=(N_POINTS, 20)),
    "a plane of small clouds": lambda rng: (
        50 * rng.normal(size=(30, 2))[np.arange(N_POINTS) % 30] + rng.normal(size=(N_POINTS, 2))
    ),
    "one wide coordinate": lambda rng: rng.normal(size=(N_POINTS, 30)) * np.r_[100, np.ones(29)],
    "whole numbers": lambda rng: rng.poisson(0.3, size=(N_POINTS, 30)).astype(float),
    "mostly empty": lambda rng: rng.normal(size=(N_POINTS, 20)) * (np.arange(N_POINTS) % 5 == 0)[:, None],
}


@pytest.mark.parametrize("shape", SHAPES)
def test_approximate_search_finds_its_share_of_any_shape(shape):
    points = SHAPES[shape](np.random.default_rng(0))
    exact = knn(points, 15, algorithm="exact")[1][:, -1:]
    found = knn(points, 15, algorithm="approximate")[1]
    assert (found <= exact * (1 + 1e-6)).mean() >= 0.99


def test_reads_float_arrays_in_place_and_converts_the_rest():
    points = np.random.default_rng(0).integers(0, 9, size=(60, 7))
    expected = knn(points.astype(np.float64), 6)
    for same in (points, points.astype(np.int16), np.asfortranarray(points, dtype=float), sparse.csr_matrix(points)):
        indices, distances = knn(same, 6)
        assert np.array_equal(indices, expected[0])
        assert np.array_equal(distances, expected[1])
        assert (indices.dtype, distances.dtype) == (np.int32, np.float32)


def test_points_are_left_alone():
    points = np.random.default_rng(0).normal(size=(40, 3))
    points.flags.writeable = False
    knn(points, 3)


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"k": 0}, ValueError, "k must be a whole number of at least 1"),
        ({"k": 21}, ValueError, "k must not exceed the number of points, 20"),
        ({"k": 2.5}, TypeError, "k must be a whole number"),
        ({"k": 3, "metric": "parsec"}, ValueError, "metric must be one of"),
        ({"k": 3, "queries": np.zeros((2, 9))}, ValueError, "queries have 9 dimensions, X has 3"),
        ({"k": 3, "queries": np.full((2, 3), np.inf)}, ValueError, "queries holds 6 NaN or infinite"),
        ({"k": 3, "algorithm": "psychic"}, ValueError, "algorithm must be 'auto', 'exact' or 'approximate'"),
        ({"k": 3, "dtype": int}, TypeError, "dtype must be float32 or float64"),
    ],
)
def test_refuses(arguments, error, match):
    with pytest.raises(error, match=match):
        knn(np.eye(20, 3), **arguments)


def test_transformer_parameters():
    transformer = KNNTransformer(4).set_params(metric="cosine")
    assert transformer.get_params() == {
        "n_neighbors": 4,
        "metric": "cosine",
        "algorithm": "auto",
        "random_state": 0,
    }
    with pytest.raises(ValueError, match="no parameter 'n_trees'"):
        transformer.set_params(n_trees=3)
    with pytest.raises(ValueError, match="not fitted"):
        transformer.transform(np.eye(3))
    points = np.random.default_rng(0).normal(size=(30, 3))
    distances, indices = transformer.fit(points).kneighbors()
    assert distances.shape == (30, 4)
    assert not (indices == np.arange(30)[:, None]).any()


def test_import_needs_neither_scikit_learn_nor_scanpy():
    code = "import sys, cellweave.neighbors; sys.exit('sklearn' in sys.modules or 'scanpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
