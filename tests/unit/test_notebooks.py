"""The notebooks run from the first cell to the last, and end where their words say."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


def test_the_protocol_runs_and_mixes_the_batches():
    pytest.importorskip("scanpy")
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    notebook = nbformat.read(NOTEBOOKS / "01_protocol.ipynb", as_version=4)
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    pictures = [
        output for cell in notebook.cells for output in cell.get("outputs", []) if "image/png" in output.get("data", {})
    ]
    assert len(pictures) == 2
    agreement = ast.literal_eval(notebook.cells[-1].outputs[-1]["data"]["text/plain"])
    assert agreement["leiden", "cell_type"] > 0.8
    # Batches hold different types: the types themselves say how much of the batch is no batch effect.
    assert agreement["leiden", "batch"] <= agreement["cell_type", "batch"] + 0.02
