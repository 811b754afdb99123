"""What cellweave adds to scanorama: one AnnData with a batch key, a guided order, a report, writing in place."""

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import cellweave as cw


@pytest.fixture
def adata():
    """Three batches of two cell types, cells shuffled."""
    rng = np.random.default_rng(1)
    types = rng.gamma(0.4, 2.0, size=(2, 80))
    batch, cell_type = rng.integers(0, 3, 300), rng.integers(0, 2, 300)
    counts = rng.poisson(types[cell_type] * rng.gamma(3.0, 0.4, size=(3, 80))[batch])
    obs = pd.DataFrame({"batch": pd.Categorical([f"b{b}" for b in batch]), "type": cell_type.astype(str)})
    obs.index = [f"cell{i}" for i in range(300)]
    matrix = sparse.csr_matrix(np.log1p(counts), dtype=np.float32)
    return anndata.AnnData(matrix, obs=obs, var=pd.DataFrame(index=[f"g{i:02}" for i in range(80)]))


def batches(adata):
    return [adata[adata.obs["batch"] == batch].copy() for batch in adata.obs["batch"].cat.categories]


def test_integrate_anndata_keeps_the_order_of_cells(adata, tmp_path):
    parts = batches(adata)
    cw.integrate_scanpy(parts, verbose=0, dimred=20)
    assert cw.integrate_anndata(adata, "batch", verbose=0, dimred=20, keep_pairs=True) is None
    for part in parts:
        expected = part.obsm["X_scanorama"]
        np.testing.assert_array_equal(adata[part.obs_names].obsm["X_scanorama"], expected)
    entry = adata.uns["scanorama"]
    assert entry["params"]["batch_key"] == "batch"
    assert entry["scores"].shape == (3, 3)
    assert set(entry["pairs"].columns) == {"first", "first_cell", "second", "second_cell"}
    adata.write_h5ad(tmp_path / "result.h5ad")
    again = anndata.read_h5ad(tmp_path / "result.h5ad")
    np.testing.assert_array_equal(again.obsm["X_scanorama"], adata.obsm["X_scanorama"])


def test_integrate_anndata_on_a_layer_and_a_copy(adata):
    adata.layers["logged"] = adata.X.copy()
    adata.X = adata.X * 0
    adata.var["highly_variable"] = np.arange(80) < 60
    copy = cw.integrate_anndata(
        adata, "batch", layer="logged", use_highly_variable=True, key_added="X_both", copy=True, verbose=0
    )
    assert copy.obsm["X_both"].shape == (300, 60)
    assert not adata.obsm.keys()


def test_report(adata):
    report = cw.integrate_scanpy(batches(adata), verbose=0, ds_names=["x", "y", "z"], return_report=True)
    assert report.names == ["x", "y", "z"]
    assert (report.scores.to_numpy() == report.scores.to_numpy().T).all()
    assert sorted(name for panorama in report.panoramas for name in panorama) == ["x", "y", "z"]
    best = report.alignments.iloc[0]
    assert best["score"] == report.scores.loc[best["first"], best["second"]]
    pairs = report.alignments.merge(report.pairs.groupby(["first", "second"]).size().rename("n").reset_index())
    assert (pairs["n_matches"] == pairs["n"]).all()


def test_order_guides_the_assembly(adata):
    names = ["x", "y", "z"]
    parameters = {"verbose": 0, "ds_names": names, "dimred": 20}
    alone = cw.integrate_scanpy(parts := batches(adata), alpha=2.0, **parameters)
    assert alone is None
    for first in names:
        order = [first, *(name for name in names if name != first)]
        guided = batches(adata)
        report = cw.integrate_scanpy(guided, order=order, return_report=True, **parameters)
        assert report.panoramas == [order]
        still = names.index(first)
        np.testing.assert_array_equal(guided[still].obsm["X_scanorama"], parts[still].obsm["X_scanorama"])


def test_correct_writes_into_given_arrays(adata, tmp_path):
    h5py = pytest.importorskip("h5py")
    datasets = [part.X for part in batches(adata)]
    genes = [adata.var_names] * 3
    expected, _ = cw.correct(datasets, genes, verbose=0, return_dense=True)
    with h5py.File(tmp_path / "out.h5", "w") as file:
        out = [file.create_dataset(str(i), d.shape, dtype="f4") for i, d in enumerate(datasets)]
        cw.correct(datasets, genes, verbose=0, out=out)
        for mine, other in zip(out, expected, strict=True):
            np.testing.assert_allclose(mine[:], other, rtol=1e-6)
    with pytest.raises(ValueError, match=r"out\[0\] has shape"):
        cw.correct(datasets, genes, verbose=0, out=[np.empty((2, 2))] * 3)


def test_union_fills_absent_genes(adata):
    parts = batches(adata)
    parts[1] = parts[1][:, 10:].copy()
    corrected = cw.correct_scanpy(parts, union=True, verbose=0)
    assert all(part.n_vars == 80 for part in corrected)


def test_silence(adata, capsys):
    cw.integrate_scanpy(batches(adata), verbose=0, union=True)
    assert capsys.readouterr() == ("", "")
    cw.integrate_scanpy(batches(adata), ds_names=["x", "y", "z"])
    assert "Processing datasets" in capsys.readouterr().out


def test_a_cell_beyond_all_weights_stays():
    cells, reference = np.zeros((2, 3)), np.ones((1, 3))
    cells[1] = 100.0
    shifts = cw.scanorama.transform(cells, reference, [0], [0])
    np.testing.assert_allclose(shifts, [[1, 1, 1], [0, 0, 0]])
    assert not cw.scanorama.transform(cells, reference, [], []).any()


def test_view_match(adata, monkeypatch):
    plt = pytest.importorskip("matplotlib.pyplot")
    shown = []
    monkeypatch.setattr(plt, "show", lambda: shown.append(plt.gcf()))
    embedded, _ = cw.integrate([p.X for p in batches(adata)], [adata.var_names] * 3, verbose=0, dimred=10)
    cw.scanorama.assemble(embedded, verbose=0, view_match=True)
    assert shown
    plt.close("all")
