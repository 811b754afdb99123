"""Integration gives the same bytes at any number of threads."""

import numpy as np
import pytest
from scipy import sparse

import cellweave as cw
from support import assert_same_bytes_at_any_thread_count


@pytest.fixture
def counts():
    """Four data sets of three cell types with shifts between them."""
    rng = np.random.default_rng(0)
    types = rng.gamma(0.3, 2.0, size=(3, 150))
    sizes = (220, 150, 180, 90)
    tables = [rng.poisson(types[rng.integers(0, 3, n)] * rng.gamma(2.0, 0.5, size=150)) for n in sizes]
    genes = [f"gene{i}" for i in range(150)]
    return [sparse.csr_matrix(np.log1p(t), dtype=np.float32) for t in tables], [genes] * len(tables)


@pytest.mark.parametrize("approx", [True, False])
def test_integrate(counts, approx):
    assert_same_bytes_at_any_thread_count(lambda: cw.integrate(*counts, approx=approx, verbose=0, dimred=30))


def test_integrate_sketch(counts):
    for method in ("geosketch", "uniform"):
        assert_same_bytes_at_any_thread_count(
            lambda method=method: cw.integrate(
                *counts, verbose=0, dimred=30, sketch=True, sketch_max=60, sketch_method=method
            )
        )


def test_correct(counts):
    assert_same_bytes_at_any_thread_count(lambda: cw.correct(*counts, verbose=0, dimred=30, return_dimred=True))


def test_parts(counts):
    embedded, _ = cw.integrate(*counts, verbose=0, dimred=20)
    assert_same_bytes_at_any_thread_count(lambda: cw.scanorama.find_alignments(embedded, verbose=0))
    assert_same_bytes_at_any_thread_count(lambda: cw.scanorama.assemble(list(embedded), verbose=0, sigma=400.0))
    rows = np.arange(60)
    assert_same_bytes_at_any_thread_count(lambda: cw.scanorama.transform(embedded[0], embedded[1], rows, rows))


def test_int64_indices_give_the_same_bytes(counts):
    datasets, genes = counts
    wide = [d.copy() for d in datasets]
    for d in wide:
        d.indices, d.indptr = d.indices.astype(np.int64), d.indptr.astype(np.int64)
    for mine, other in zip(
        cw.integrate(datasets, genes, verbose=0)[0], cw.integrate(wide, genes, verbose=0)[0], strict=True
    ):
        assert mine.tobytes() == other.tobytes()


def test_the_global_random_state_is_left_alone(counts):
    np.random.seed(5)
    state = np.random.get_state()[1].copy()
    cw.integrate(*counts, verbose=0, sketch=True, sketch_max=60)
    assert (np.random.get_state()[1] == state).all()
