"""Where a step's function comes from: the engine, or scanpy for what the engine lacks."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from typing import Any

from ._stop import Stop


def function(name: str) -> tuple[Callable[..., Any], str]:
    """``pp.normalize_total`` and the like, and who runs it."""
    room, _, attribute = name.partition(".")
    ours = importlib.import_module(f"cellweave.{room}")
    if hasattr(ours, attribute):
        return getattr(ours, attribute), "cellweave"
    if importlib.util.find_spec("scanpy") is None:
        raise Stop(f"{name} needs scanpy: pip install 'cellweave[scanpy]'.")
    import scanpy

    return getattr(getattr(scanpy, room), attribute), "scanpy"
