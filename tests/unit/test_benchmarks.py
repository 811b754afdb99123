"""The benchmark harness: measures in processes of their own, keeps what it found, and writes the table."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

COMPARE = Path(__file__).resolve().parents[2] / "benchmarks" / "compare.py"


def _compare(folder: Path, *options: str) -> str:
    places = ["--cache", folder / "cache", "--results", folder / "results", "--docs", folder / "benchmarks.md"]
    command = [sys.executable, str(COMPARE), *map(str, places), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def report(monkeypatch):
    monkeypatch.syspath_prepend(COMPARE.parent)
    return importlib.import_module("report")


def test_measures_keeps_and_writes_a_table(tmp_path):
    pytest.importorskip("geosketch")
    (tmp_path / "benchmarks.md").write_text(
        "# Benchmarks\n\nBefore.\n\n<!-- table: integrate -->\nold\n<!-- end: integrate -->\nAfter.\n"
    )
    options = ("--steps", "geosketch", "--cells", "400", "--threads", "1", "--repeats", "2")
    printed = _compare(tmp_path, *options)
    assert "x cellweave" in printed
    records = json.loads((tmp_path / "results" / "integrate.json").read_text())
    assert {record["tool"] for record in records} == {"cellweave", "geosketch"}
    assert all(len(record["seconds"]) == 2 and record["peak_bytes"] > 0 for record in records)
    text = (tmp_path / "benchmarks.md").read_text()
    assert "Before." in text
    assert "After." in text
    assert "old" not in text
    assert text.count("| geosketch to a tenth |") == 2


def _record(tool: str, seconds: float, n_cells: int = 100) -> dict:
    return {
        "room": "demo",
        "step": "walk",
        "tool": tool,
        "data": "cells",
        "n_cells": n_cells,
        "threads": 2,
        "seconds": [seconds],
        "peak_bytes": 2**21,
        "growth_bytes": 2**20,
        "version": "1",
    }


def test_a_later_measurement_replaces_the_earlier_and_an_error_does_not(tmp_path, report):
    report.keep([_record("cellweave", 1.0), _record("peer", 5.0)], tmp_path)
    report.keep([_record("cellweave", 2.0), _record("cellweave", 3.0, 200)], tmp_path)
    report.keep([{**_record("peer", 0.0), "error": "broken"}], tmp_path)
    found = {(record["tool"], record["n_cells"]): record["seconds"][0] for record in report.load("demo", tmp_path)}
    assert found == {("cellweave", 100): 2.0, ("peer", 100): 5.0, ("cellweave", 200): 3.0}
    assert "FAILED" in report.line({**_record("peer", 0.0), "error": "broken"}, [])


def test_ratios_are_to_our_own_time_on_the_same_data(report):
    table = report.table([_record("peer", 8.0), _record("cellweave", 2.0), _record("peer", 9.0, 300)])
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in table.splitlines()[2:]]
    assert [(row[4], row[6]) for row in rows] == [("cellweave 1", ""), ("peer 1", "4.0"), ("peer 1", "")]
