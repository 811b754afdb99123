"""Runs scanpy's own tests twice, on scanpy and with cellweave patched in, and lists every test that differs.

    python benchmarks/scanpy_own_tests.py

The tests come from the source distribution of the installed scanpy version, fetched with pip. Tests that fail on scanpy
itself (no internet, a missing optional package) say nothing and are counted apart. Needs pytest and pytest-mock.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent

#: The files of scanpy's suite that test functions which cellweave has.
FILES = (
    "test_qc_metrics.py",
    "test_preprocessing.py",
    "test_normalization.py",
    "test_highly_variable_genes.py",
    "test_scaling.py",
    "test_pca.py",
    "test_scrublet.py",
    "test_score_genes.py",
    "test_combat.py",
    "test_neighbors.py",
    "test_neighbors_key_added.py",
    "test_embedding.py",
    "test_clustering.py",
    "test_ingest.py",
    "test_paga.py",
    "test_rank_genes_groups.py",
    "test_rank_genes_groups_logreg.py",
    "test_filter_rank_genes_groups.py",
    "external/test_scanorama_integrate.py",
)


def fetch(folder: Path) -> Path:
    """Downloads and unpacks the source distribution; returns its root."""
    name = f"scanpy-{version('scanpy')}"
    if not (folder / name).is_dir():
        download = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "-q",
            "--no-deps",
            "--no-binary",
            "scanpy",
            "-d",
            str(folder),
        ]
        subprocess.run([*download, f"scanpy=={version('scanpy')}"], check=True)
        with tarfile.open(folder / f"{name}.tar.gz") as archive:
            archive.extractall(folder, filter="data")
    root = folder / name
    testing = root / "testing-only" / "testing"
    if not testing.is_dir():  # scanpy's test helpers without its sources, which would hide the installed scanpy
        shutil.copytree(root / "src" / "testing", testing)
    return root


def run(root: Path, file: str, *, patched: bool) -> dict[str, str]:
    """Outcome of every test of one file."""
    path = [str(root / "testing-only"), str(HERE), *sys.path]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-o",
        "addopts=",
        "--import-mode=importlib",
        "-p",
        "testing.scanpy._pytest",
    ]
    # Deprecations between anndata and pandas would stop tests that turn warnings to errors before they begin.
    command += ["-W", "ignore::DeprecationWarning", "-p", "no:randomly", "-rA", "-q", "--tb=no", f"tests/{file}"]
    if patched:
        command += ["-p", "patch_plugin"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path), "NO_COLOR": "1"}
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, env=environment, timeout=1800)
    outcomes = {}
    for line in done.stdout.splitlines():
        found = re.match(r"(PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS) (tests/\S+?::.+?)( - .*)?$", line)
        if found:
            outcomes[found[2]] = found[1]
    if not outcomes:
        print(done.stdout[-2000:], done.stderr[-2000:])
    return outcomes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", default=FILES, help="test files, relative to scanpy's tests/")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "scanpy-own-tests")
    parser.add_argument("--json", type=Path, help="keep the outcomes here")
    arguments = parser.parse_args()
    arguments.cache.mkdir(parents=True, exist_ok=True)
    root = fetch(arguments.cache)
    print(f"scanpy {version('scanpy')}")
    report = {}
    for file in arguments.files:
        if not (root / "tests" / file).is_file():
            print(f"{file}: not in this version")
            continue
        theirs = run(root, file, patched=False)
        ours = run(root, file, patched=True)
        passing = [name for name, outcome in theirs.items() if outcome == "PASSED"]
        differing = [name for name in passing if ours.get(name) != "PASSED"]
        print(f"{file}: {len(passing)} pass on scanpy, {len(passing) - len(differing)} of them with cellweave")
        for name in differing:
            print(f"    {ours.get(name, 'not run')} {name}")
        report[file] = {"passing_on_scanpy": len(passing), "differing": differing}
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
