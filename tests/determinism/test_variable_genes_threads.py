"""The same bytes at any thread count."""

import numpy as np
import pytest

import cellweave as cw
from support import LAYOUTS, assert_same_bytes_at_any_thread_count

LAYOUT = pytest.mark.parametrize("layout", ["csr-float32", "csc-float32", "dense-float32", "dense-fortran"])


def start(paul15, layout):
    adata = paul15[:800, :1200].copy()
    adata.X = LAYOUTS[layout](adata.X)
    adata.obs["letter"] = np.array(["a", "b", "c"])[np.arange(adata.n_obs) % 3]
    return adata


@LAYOUT
@pytest.mark.parametrize("flavor", ["seurat", "cell_ranger", "seurat_v3"])
def test_highly_variable_genes(paul15, layout, flavor):
    adata = start(paul15, layout)
    if flavor != "seurat_v3":
        adata.X = np.log1p(adata.X) if isinstance(adata.X, np.ndarray) else adata.X.log1p()
    arguments = {"flavor": flavor, "n_top_genes": 200, "inplace": False}
    assert_same_bytes_at_any_thread_count(
        lambda: [cw.pp.highly_variable_genes(adata, batch_key=key, **arguments) for key in (None, "letter")]
    )


@LAYOUT
def test_pearson_residuals(paul15, layout):
    adata = start(paul15, layout)
    room = cw.experimental.pp
    assert_same_bytes_at_any_thread_count(
        lambda: [
            room.highly_variable_genes(adata, n_top_genes=200, batch_key="letter", inplace=False),
            room.normalize_pearson_residuals(adata, inplace=False)["X"],
        ]
    )
