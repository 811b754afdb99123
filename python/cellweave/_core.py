"""Chooses the build of the engine that suits this CPU and stands in for it: ``from cellweave._core import engine``.

``CELLWEAVE_ISA`` (``v2``, ``v3``; ``plain`` where there is no choice) forces one.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from types import ModuleType

from . import _cpu

#: Worst to best: a CPU that runs one runs those before it.
_RANKS = ("plain", "v2", "v3")


def available_variants() -> list[str]:
    """The variants in this installation, worst first."""
    return [v for v in _RANKS if importlib.util.find_spec(f"{__package__}._core_{v}") is not None]


def _choose() -> str:
    available = available_variants()
    best = _cpu.best_variant()
    runnable = [v for v in available if best in _RANKS and _RANKS.index(v) <= _RANKS.index(best)]
    if not runnable:
        raise ImportError(
            f"cellweave: this CPU offers '{best}', but the installed builds need one of {available}. "
            "Install from source on this machine: pip install --no-binary cellweave cellweave"
        )
    forced = os.environ.get("CELLWEAVE_ISA")
    if not forced:
        return runnable[-1]
    if forced not in runnable:
        raise ImportError(
            f"CELLWEAVE_ISA='{forced}': this installation and CPU can run {runnable}. Unset it or choose one of those."
        )
    return forced


def _load() -> ModuleType:
    return importlib.import_module(f"{__package__}._core_{_choose()}")


engine = _load()
