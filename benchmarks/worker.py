"""Runs one step in this process and writes what it cost as JSON. Started by compare.py."""

from __future__ import annotations

import gc
import importlib.metadata
import json
import os
import platform
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any


def _status_bytes(field: str) -> int | None:
    """A field of /proc/self/status; None where there is no such file."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(f"{field}:")), None)


def _peak_bytes() -> int:
    peak = _status_bytes("VmHWM")
    if peak is not None:
        return peak
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _forget_peak() -> None:
    """Linux: the peak counts from now on, so that reading and preparing the data are not held against the step."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def _bind(n_threads: int) -> None:
    """Not every tool reads a variable for its threads: give the process no more cores than that."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:n_threads])


def _version(tool: str) -> str:
    try:
        return importlib.metadata.version(tool)
    except importlib.metadata.PackageNotFoundError:
        return "source tree"


def _call_and_judge(prepared: Any) -> tuple[Callable[[], Any], Callable[[], dict[str, float]]]:
    """The call that is timed, and the one that says how good its last result is: nothing, where a step has none."""
    return prepared if isinstance(prepared, tuple) else (prepared, dict)


def measure(key: str, path: str, n_threads: int, repeats: int) -> dict:
    import anndata
    from steps import all_steps

    step = all_steps()[key]
    data = anndata.read_h5ad(path)
    if step.warm_up:
        _call_and_judge(step.prepare(data.copy()))[0]()
        gc.collect()
    seconds = []
    peak = growth = 0
    for _ in range(repeats):
        call = judge = None  # gives the last run's memory back
        call, judge = _call_and_judge(step.prepare(data.copy()))
        gc.collect()
        _forget_peak()
        before = _status_bytes("VmRSS") or _peak_bytes()
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
        reached = _peak_bytes()
        peak, growth = max(peak, reached), max(growth, reached - before)
    return {
        "seconds": seconds,
        "quality": judge(),
        "peak_bytes": peak,
        "growth_bytes": growth,
        "n_cells": data.n_obs,
        "n_genes": data.n_vars,
        "version": _version(step.tool),
        "python": platform.python_version(),
    }


def main() -> None:
    key, path, n_threads, repeats, out = sys.argv[1:]
    warnings.simplefilter("ignore")
    _bind(int(n_threads))
    try:
        result = measure(key, path, int(n_threads), int(repeats))
    except Exception:
        result = {"error": traceback.format_exc(limit=-3)}
    Path(out).write_text(json.dumps(result))


if __name__ == "__main__":
    main()
