"""cellweave: the scanpy and scanorama workflow on a C++ engine."""

from __future__ import annotations

import importlib
from typing import Any

from ._core import available_variants, engine
from ._version import __version__
from .settings import settings, threads

#: Loaded at first use, so that importing cellweave stays quick.
_MODULES = (
    "datasets",
    "experimental",
    "external",
    "geosketch",
    "neighbors",
    "pp",
    "scanorama",
    "tl",
)

#: Functions at the top level, and the module each lives in. Loaded at first use as well.
_FUNCTIONS = {
    "correct": "scanorama",
    "correct_scanpy": "scanorama",
    "integrate": "scanorama",
    "integrate_anndata": "scanorama",
    "integrate_scanpy": "scanorama",
    "patch": "patching",
    "patch_status": "patching",
    "patched": "patching",
    "unpatch": "patching",
}

__all__ = ["__version__", "build_info", "settings", "threads", *_MODULES, *_FUNCTIONS]


def build_info() -> dict[str, Any]:
    """Version, instruction-set variant, compiler and threads in use: paste it into bug reports."""
    return {
        "version": __version__,
        **engine.build_info(),
        "variants": available_variants(),
        "n_threads": settings.n_threads,
    }


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f".{name}", __name__)
    if name in _FUNCTIONS:
        return getattr(importlib.import_module(f".{_FUNCTIONS[name]}", __name__), name)
    raise AttributeError(f"module 'cellweave' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
