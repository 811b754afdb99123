"""external.pp.bbknn against bbknn's exact search."""

from __future__ import annotations

import anndata
import numpy as np
import pytest

from cellweave.external.pp import bbknn
from support import assert_same_bytes_at_any_thread_count, refuses


@pytest.fixture
def cells():
    random = np.random.default_rng(0)
    points = random.normal(size=(330, 12)).astype(np.float32)
    batches = np.repeat(["b", "a", "c"], [150, 120, 60])
    points[batches == "a"] += 1
    return anndata.AnnData(points, obs={"batch": batches}, obsm={"X_pca": points})


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"neighbors_within_batch": 5, "n_pcs": 6, "trim": 12},
        {"set_op_mix_ratio": 0.3, "local_connectivity": 2, "trim": 0, "key_added": "mine"},
    ],
    ids=str,
)
def test_equals_bbknn(cells, arguments):
    original = pytest.importorskip("bbknn").bbknn
    expected = cells.copy()
    original(expected, computation="cKDTree", **arguments)
    assert bbknn(cells, **arguments) is None
    for key, graph in expected.obsp.items():
        assert cells.obsp[key].dtype == graph.dtype
        assert np.array_equal(cells.obsp[key].indptr, graph.indptr)
        assert abs(cells.obsp[key] - graph).max() < 1e-5
    key = arguments.get("key_added", "neighbors")
    expected.uns[key]["params"]["bbknn"]["computation"] = "cellweave"
    assert cells.uns[key] == expected.uns[key]


def test_angular_is_the_length_of_the_difference_of_unit_vectors(cells):
    bbknn(cells, metric="angular")
    distances = cells.obsp["distances"].tocoo()
    units = cells.X / np.linalg.norm(cells.X, axis=1, keepdims=True)
    expected = np.linalg.norm(units[distances.row] - units[distances.col], axis=1)
    np.testing.assert_allclose(distances.data, expected, rtol=1e-4)


def test_same_bytes_at_any_thread_count(cells):
    assert_same_bytes_at_any_thread_count(lambda: bbknn(cells, copy=True))


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"batch_key": "donor"}, ValueError, "Batch key 'donor' not present"),
        ({"use_rep": "X_scvi"}, ValueError, "Did not find X_scvi"),
        ({"neighbors_within_batch": 61}, ValueError, "'c' has 60"),
        ({"neighbors_within_batch": 0}, ValueError, "neighbors_within_batch must be a whole number of at least 1"),
        ({"metric": "parsec"}, NotImplementedError, "no metric 'parsec'"),
        ({"trim": -1}, ValueError, "trim must be a whole number of at least 0"),
        ({"set_op_mix_ratio": 2.0}, ValueError, "set_op_mix_ratio must be between 0 and 1"),
    ],
    ids=str,
)
def test_refuses(cells, arguments, error, match):
    with refuses(cells, error, match):
        bbknn(cells, **arguments)
