"""Times cellweave and its peers, side by side, step by step.

Every step of every tool runs in a process of its own, on the same data, bound to the same number of cores; tools that
compile at first use are warmed up inside that process before the clock starts. Prints seconds, ratios and peak memory,
keeps them in benchmarks/results/<room>.json, and writes one table per room into docs/benchmarks.md.

    python benchmarks/compare.py --rooms integrate
    python benchmarks/compare.py --steps geosketch --cells 20000 --repeats 5
    python benchmarks/compare.py --source pbmc_8batch=pbmc_8batch.h5ad --python-for peers=/path/to/python
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import data  # noqa: E402
import report  # noqa: E402
from steps import Step, all_steps  # noqa: E402

#: Every variable by which a tool or a library that it stands on lets its threads be set.
THREAD_VARIABLES = (
    "CELLWEAVE_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _pairs(texts: list[str]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise SystemExit(f"expected NAME=VALUE, found {text!r}")
        pairs[name] = value
    return pairs


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rooms", type=_names, default=[], help="tables to run (default: all)")
    parser.add_argument("--steps", type=_names, default=[], help="steps whose name contains one of these")
    parser.add_argument("--tools", type=_names, default=[], help="tools to run (default: all)")
    parser.add_argument("--data", type=_names, default=[], help="data sets to run on (default: all)")
    parser.add_argument("--cells", type=_names, default=[], help="sizes, in place of each step's own")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--timeout", type=float, default=3600, help="seconds that a process may take")
    parser.add_argument(
        "--source", action="append", default=[], metavar="DATA=FILE", help="where a measured data set lies"
    )
    parser.add_argument(
        "--python-for",
        action="append",
        default=[],
        metavar="TOOL=PYTHON",
        help="interpreter of a tool; TOOL 'peers' is every tool but cellweave",
    )
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "cellweave-benchmarks")
    parser.add_argument("--results", type=Path, default=HERE / "results")
    parser.add_argument("--docs", type=Path, default=HERE.parent / "docs" / "benchmarks.md")
    parser.add_argument("--list", action="store_true", help="list the steps and stop")
    return parser.parse_args()


def _chosen(arguments: argparse.Namespace) -> list[Step]:
    def wanted(step: Step) -> bool:
        return (
            (not arguments.rooms or step.room in arguments.rooms)
            and (not arguments.tools or step.tool in arguments.tools)
            and (not arguments.data or step.data in arguments.data)
            and (not arguments.steps or any(part in step.name for part in arguments.steps))
        )

    return [step for step in all_steps().values() if wanted(step)]


def _python_of(tool: str, pythons: dict[str, str]) -> str:
    return pythons.get(tool) or (pythons.get("peers") if tool != "cellweave" else None) or sys.executable


def _run(step: Step, path: Path, arguments: argparse.Namespace, python: str) -> dict:
    """What one process reports of its step."""
    environment = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(arguments.threads))}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "result.json"
        command = [python, str(HERE / "worker.py"), step.key, str(path)]
        command += [str(arguments.threads), str(arguments.repeats), str(out)]
        try:
            done = subprocess.run(command, env=environment, timeout=arguments.timeout, capture_output=True, text=True)
        except subprocess.TimeoutExpired:
            return {"error": f"took longer than {arguments.timeout:.0f} s"}
        if out.exists():
            return json.loads(out.read_text())
        return {"error": f"the process ended with {done.returncode}: {done.stderr[-500:]}"}


def main() -> None:
    arguments = _arguments()
    steps = _chosen(arguments)
    if not steps:
        raise SystemExit("no step matches; --list shows them all")
    if arguments.list:
        for step in steps:
            print(f"{step.room:12} {step.name:40} {step.tool:12} {step.data}")
        return
    sources = {name: Path(path) for name, path in _pairs(arguments.source).items()}
    pythons = _pairs(arguments.python_for)
    arguments.cache.mkdir(parents=True, exist_ok=True)

    records: list[dict] = []
    for step in steps:
        recipe = data.all_data_sets()[step.data]
        if recipe.has_source and step.data not in sources:
            print(f"left out: {step.key} needs --source {step.data}=FILE")
            continue
        sizes = [None] if recipe.has_source else [int(size) for size in arguments.cells] or list(step.cells)
        for size in sizes:
            path = data.prepared(step.data, size, sources.get(step.data), arguments.cache)
            result = _run(step, path, arguments, _python_of(step.tool, pythons))
            records.append(
                {
                    "room": step.room,
                    "step": step.name,
                    "tool": step.tool,
                    "data": recipe.title,
                    "n_cells": size,
                    "threads": arguments.threads,
                    **result,
                }
            )
            print(report.line(records[-1], records), flush=True)
            report.keep(records[-1:], arguments.results)  # at once: a long run may be broken off
    report.write_tables({record["room"] for record in records}, arguments.results, arguments.docs)


if __name__ == "__main__":
    main()
