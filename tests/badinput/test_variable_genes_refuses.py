"""Variable genes and Pearson residuals: bad input is refused by name, and the AnnData stays as it was."""

import anndata
import numpy as np
import pytest
from scipy import sparse

import cellweave as cw
from support import refuses


@pytest.fixture
def counts():
    rng = np.random.default_rng(0)
    adata = anndata.AnnData(sparse.csr_matrix(rng.poisson(1.0, size=(30, 50)).astype(np.float32)))
    adata.obs["batch"] = np.array(["a", "b"])[np.arange(30) % 2]
    return adata


ALL = [
    lambda adata, **a: cw.pp.highly_variable_genes(adata, **a),
    lambda adata, **a: cw.pp.highly_variable_genes(adata, flavor="cell_ranger", **a),
    lambda adata, **a: cw.pp.highly_variable_genes(adata, flavor="seurat_v3", **a),
    lambda adata, **a: cw.experimental.pp.highly_variable_genes(adata, n_top_genes=5, **a),
]
every_function = pytest.mark.parametrize("call", [*ALL, cw.experimental.pp.normalize_pearson_residuals])
every_choice = pytest.mark.parametrize("call", ALL)


@every_function
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_missing_and_infinite_values(counts, call, value):
    counts.X.data[3] = value
    with refuses(counts, ValueError, "NaN or infinite"):
        call(counts)


@every_function
def test_unknown_layer(counts, call):
    with refuses(counts, KeyError, "nothing"):
        call(counts, layer="nothing")


@every_function
def test_malformed_indices(counts, call):
    counts.X.indices[5] = 50
    with refuses(counts, ValueError, "index 50"):
        call(counts)


@every_choice
def test_unknown_batch_column(counts, call):
    with refuses(counts, KeyError, "nothing"):
        call(counts, batch_key="nothing")


@every_choice
def test_no_anndata(call):
    with pytest.raises(ValueError, match="expects an `AnnData`"):
        call(np.ones((3, 4)))


@every_function
def test_no_cells_or_genes(counts, call):
    for empty in (counts[:0].copy(), counts[:, :0].copy()):
        with pytest.raises(ValueError, match="nothing to"):
            call(empty)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n_top_genes": 0}, ValueError, "n_top_genes"),
        ({"n_top_genes": "many"}, TypeError, "n_top_genes"),
        ({"n_bins": 0}, ValueError, "n_bins"),
        ({"flavor": "seurat_v9"}, ValueError, "seurat_v9"),
        ({"flavor": "seurat_v3", "span": 0}, ValueError, "span"),
        ({"flavor": "seurat_v3", "span": "wide"}, TypeError, "span"),
    ],
)
def test_arguments_out_of_range(counts, arguments, error, message):
    with refuses(counts, error, message):
        cw.pp.highly_variable_genes(counts, **arguments)


def test_counts_where_logarithms_belong(counts):
    counts.X.data[:] = 1000
    with refuses(counts, ValueError, "call pp.log1p first"):
        cw.pp.highly_variable_genes(counts)


def test_one_cell_in_a_batch_has_no_variance(counts):
    counts.obs["batch"] = ["a"] * 29 + ["b"]
    with refuses(counts, ValueError, "at least 2 cells"):
        cw.pp.highly_variable_genes(counts, flavor="seurat_v3", batch_key="batch")


def test_missing_batch_names(counts):
    counts.obs["batch"] = counts.obs["batch"].astype("category")
    counts.obs.loc[counts.obs_names[:2], "batch"] = np.nan
    with refuses(counts, ValueError, "missing for 2 cell"):
        cw.pp.highly_variable_genes(counts, flavor="seurat_v3", batch_key="batch")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"theta": 0}, "require theta > 0"), ({"theta": -1}, "require theta > 0"), ({"clip": -1}, "require `clip>=0`")],
)
def test_residuals_out_of_range(counts, arguments, message):
    with refuses(counts, ValueError, message):
        cw.experimental.pp.normalize_pearson_residuals(counts, **arguments)
    with refuses(counts, ValueError, message):
        cw.experimental.pp.highly_variable_genes(counts, n_top_genes=5, **arguments)


def test_negative_counts_have_no_residuals(counts):
    counts.X.data[0] = -1
    with pytest.warns(UserWarning, match="non-integers"), refuses(counts, ValueError, "negative"):
        cw.experimental.pp.normalize_pearson_residuals(counts)


def test_residuals_need_the_number_of_genes(counts):
    with refuses(counts, ValueError, "n_top_genes"):
        cw.experimental.pp.highly_variable_genes(counts)


def test_backed_data_is_not_read(tmp_path, counts):
    counts.write_h5ad(tmp_path / "counts.h5ad")
    backed = anndata.read_h5ad(tmp_path / "counts.h5ad", backed="r")
    with pytest.raises(NotImplementedError, match="to_memory"):
        cw.pp.highly_variable_genes(backed)
    backed.file.close()
