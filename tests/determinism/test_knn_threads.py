from __future__ import annotations

import numpy as np
import pytest

from cellweave.neighbors import knn
from support import assert_same_bytes_at_any_thread_count


@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "cosine", "correlation"])
def test_exact_search(metric):
    points = np.random.default_rng(0).normal(size=(1500, 20)).astype(np.float32)
    points[100:160] = points[0]
    assert_same_bytes_at_any_thread_count(lambda: knn(points, 15, metric=metric))


@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "cosine", "correlation"])
def test_approximate_search(metric):
    points = np.random.default_rng(0).normal(size=(4000, 20)).astype(np.float32)
    points[100:160] = points[0]
    assert_same_bytes_at_any_thread_count(lambda: knn(points, 15, metric=metric, algorithm="approximate"))
