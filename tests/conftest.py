"""Fixtures that every kind of test shares: real data (skipped with the reason where it is absent) and thread counts."""

from __future__ import annotations

import os
from pathlib import Path

import anndata
import pytest

#: Real data sets lie beside the checkout; CELLWEAVE_TEST_DATA names another place.
DATA = Path(os.environ.get("CELLWEAVE_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


def load(name: str) -> anndata.AnnData:
    """One real data set by its file name without the ending; skips the test where it is absent."""
    path = DATA / f"{name}.h5ad"
    if not path.is_file():
        pytest.skip(f"real data not here: {path}")
    return anndata.read_h5ad(path)


_pbmc_8batch = pytest.fixture(scope="session", name="_pbmc_8batch")(lambda: load("pbmc_8batch"))
_paul15 = pytest.fixture(scope="session", name="_paul15")(lambda: load("paul15"))
_rnamix = pytest.fixture(scope="session", name="_rnamix")(lambda: load("sc_mixology_RNAmix"))
_cell_lines = pytest.fixture(scope="session", name="_cell_lines")(lambda: load("sc_mixology_5cl_10x_celseq2"))
_kang = pytest.fixture(scope="session", name="_kang")(lambda: load("kang_labelled_subset"))
_mouse_10k = pytest.fixture(scope="session", name="_mouse_10k")(lambda: load("tenx_mouse_10k_subset"))


@pytest.fixture
def pbmc_8batch(_pbmc_8batch):
    """14,040 human blood cells, 8 batches; a copy that the test may change."""
    return _pbmc_8batch.copy()


@pytest.fixture
def pbmc3k(_pbmc_8batch):
    """The usual 2,700 PBMC, with the genes of their own table."""
    adata = _pbmc_8batch
    return adata[adata.obs["batch"] == "pbmc3k_v1", adata.var["in_pbmc3k_v1"]].copy()


@pytest.fixture
def paul15(_paul15):
    """2,730 mouse blood progenitors."""
    return _paul15.copy()


@pytest.fixture
def rnamix(_rnamix):
    """636 wells with known mixtures of RNA, 2 batches."""
    return _rnamix.copy()


@pytest.fixture
def cell_lines(_cell_lines):
    """2,868 cells of five lines, 4 batches."""
    return _cell_lines.copy()


@pytest.fixture
def kang(_kang):
    """1,556 labelled cells, 4 batches (2 donors, control and stimulated)."""
    return _kang.copy()
