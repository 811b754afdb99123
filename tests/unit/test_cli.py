"""The command line: the whole protocol end to end, and one helpful line for everything that a user can mend."""

from __future__ import annotations

import anndata
import numpy as np
import pytest

from cellweave.cli import main
from cellweave.cli._integrate import mutual_information
from cellweave.cli._read import take_counts
from cellweave.datasets import panorama


@pytest.fixture(scope="module")
def cells():
    """A quarter of the panorama, every batch in it."""
    return panorama()[::4].copy()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_whole_protocol_on_files_of_a_user(cells, folder, capsys):
    for half, part in enumerate((cells[::2], cells[1::2])):
        part.copy().write_h5ad(folder / f"part_{half}.h5ad")
    command = ["integrate", "part_0.h5ad", "part_1.h5ad", "--batch-key", "batch", "--out", "new/joined.h5ad"]
    assert main([*command, "--min-genes", "100", "--dimred", "30", "--sketch", "--sketch-max", "60"]) == 0
    printed = capsys.readouterr().out
    for word in ("Alignments", "Mutual information", "integrate", "cell_type", "Together now", "joined.h5ad"):
        assert word in printed
    result = anndata.read_h5ad(folder / "new" / "joined.h5ad")
    assert result.obsm["X_scanorama"].shape == (result.n_obs, 30)
    assert {"X_pca", "X_umap", "X_umap_before"} <= set(result.obsm)
    assert {"leiden", "leiden_before", "batch", "cell_type"} <= set(result.obs)
    assert (result.layers["counts"].data == np.round(result.layers["counts"].data)).all()
    assert result.n_obs < cells.n_obs
    for figure in ("before_after.png", "alignments.png"):
        assert (folder / "new" / figure).read_bytes().startswith(b"\x89PNG")
    before, after = (mutual_information(result.obs[key], result.obs["batch"]) for key in ("leiden_before", "leiden"))
    assert after < before


def test_nullable_strings_are_written_as_plain_ones(cells, folder):
    part = cells[::2].copy()
    part.obs["donor"] = np.array(["d1", "d2"])[np.arange(part.n_obs) % 2]
    part.write_h5ad(folder / "plain.h5ad")
    part.obs["donor"] = part.obs["donor"].astype("string")
    part.obs.index, part.var.index = part.obs.index.astype("string"), part.var.index.astype("string")
    with anndata.settings.override(allow_write_nullable_strings=True):
        part.write_h5ad(folder / "nullable.h5ad")
    command = ["--no-figures", "--min-genes", "50", "--dimred", "20"]
    assert main(["integrate", "nullable.h5ad", "--out", "out.h5ad", *command]) == 0
    result = anndata.read_h5ad(folder / "out.h5ad")
    assert set(result.obs["donor"]) == {"d1", "d2"}
    assert not list(folder.glob("*.unfinished"))


def test_the_input_is_not_overwritten(cells, folder, capsys):
    cells.copy().write_h5ad(folder / "cells.h5ad")
    before = (folder / "cells.h5ad").read_bytes()
    assert "one of the files to read" in _refused(capsys, "cells.h5ad", "--out", "./cells.h5ad")
    assert (folder / "cells.h5ad").read_bytes() == before


def _refused(capsys, *arguments: str) -> str:
    assert main(["integrate", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("cellweave: ")
    assert captured.err.count("\n") == 1
    assert "Traceback" not in captured.err
    return captured.err


def test_a_missing_batch_column_lists_those_there_are(cells, folder, capsys):
    cells.write_h5ad(folder / "cells.h5ad")
    message = _refused(capsys, "cells.h5ad", "--batch-key", "donor")
    assert "no column 'donor'" in message
    assert "batch, library_size" in message
    assert "no column 'kind'" in _refused(capsys, "cells.h5ad", "--label-key", "kind")
    cells.write_h5ad(folder / "again.h5ad")
    assert "obs of cells.h5ad has no" in _refused(capsys, "cells.h5ad", "again.h5ad", "--batch-key", "donor")
    assert not (folder / "integrated.h5ad").exists()


def test_files_that_cannot_be_read(cells, folder, capsys):
    assert "there is no file none.h5ad" in _refused(capsys, "none.h5ad")
    (folder / "text.h5ad").write_text("not hdf5")
    assert "cannot read text.h5ad as h5ad" in _refused(capsys, "text.h5ad")
    cells[:0].copy().write_h5ad(folder / "empty.h5ad")
    assert "0 cells x 1500 genes" in _refused(capsys, "empty.h5ad")


def test_data_that_do_not_fit(cells, folder, capsys):
    cells.write_h5ad(folder / "cells.h5ad")
    other = cells.copy()
    other.var_names = [f"ENSG{k}" for k in range(other.n_vars)]
    other.write_h5ad(folder / "other.h5ad")
    assert "share no gene name" in _refused(capsys, "cells.h5ad", "other.h5ad")
    other.X = other.X * 1.37
    other.write_h5ad(folder / "fractions.h5ad")
    assert "neither counts" in _refused(capsys, "fractions.h5ad")
    assert "are left after quality control" in _refused(capsys, "cells.h5ad", "--min-genes", "100000")
    assert "is a folder" in _refused(capsys, "cells.h5ad", "--out", str(folder))
    other = cells.copy()
    other.obs["batch"] = other.obs["batch"].where(np.arange(other.n_obs) > 2)
    other.write_h5ad(folder / "gaps.h5ad")
    assert "has 3 missing value(s)" in _refused(capsys, "gaps.h5ad")


def test_counts_are_found_where_they_are(cells):
    logged = cells.copy()
    logged.X = np.log1p(logged.X)
    assert not take_counts(logged.copy(), [])
    with_layer = logged.copy()
    with_layer.layers["counts"] = cells.X.copy()
    with_raw = logged.copy()
    with_raw.raw = cells
    for adata in (cells.copy(), with_layer, with_raw):
        assert take_counts(adata, [])
        assert (adata.X != cells.X).nnz == 0


def test_mutual_information_is_that_of_scikit_learn(cells):
    from sklearn.metrics import mutual_info_score

    first, second = cells.obs["batch"], cells.obs["cell_type"]
    assert mutual_information(first, second) == pytest.approx(mutual_info_score(first, second))


def test_info_tells_what_is_installed(capsys):
    assert main(["info"]) == 0
    printed = capsys.readouterr().out
    assert "version" in printed
    assert "n_threads" in printed


def test_run_gives_a_script_its_arguments_and_the_engine(folder, capsys):
    import sys

    import cellweave as cw

    (folder / "helper.py").write_text("word = 'helped'\n")
    (folder / "script.py").write_text("import sys, helper\nprint(__name__, sys.argv[1:], helper.word)\n")
    argv, path = sys.argv[:], sys.path[:]
    try:
        assert main(["run", "script.py", "one", "--two"]) == 0
        assert "__main__ ['one', '--two'] helped" in capsys.readouterr().out
        assert len(cw.patch_status()) >= 0
        assert main(["run", "nothing.py"]) == 2
    finally:
        sys.argv[:], sys.path[:] = argv, path
        cw.unpatch()
