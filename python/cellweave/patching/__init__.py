"""``cellweave.patch()``: an unchanged scanpy and scanorama notebook runs on the engine.

Every public function of :mod:`cellweave` that has a namesake in scanpy, scanorama or geosketch takes its place. A call
that cellweave does not cover goes to the original, and the reason is logged and kept for :func:`patch_status`.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING

from ..settings import logger
from ._dispatch import Replacement

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["patch", "patch_status", "patched", "unpatch"]

#: The original module, and ours whose ``__all__`` names the replacements.
ROOMS = (
    ("scanpy.pp", "cellweave.pp"),
    ("scanpy.tl", "cellweave.tl"),
    ("scanpy.external.pp", "cellweave.external.pp"),
    ("scanpy.experimental.pp", "cellweave.experimental.pp"),
    ("scanorama", "cellweave.scanorama"),
    ("geosketch", "cellweave.geosketch"),
)

_active: list[Replacement] = []
_stand_ins: list[str] = []


def _import_original(path: str) -> ModuleType | None:
    """The original module (``scanpy.pp`` is an attribute, not a module of its own), or None if not installed."""
    root, *attributes = path.split(".")
    if importlib.util.find_spec(root) is None:
        return None
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError:
        module = importlib.import_module(root)
        for attribute in attributes:
            module = getattr(module, attribute)
        return module


def patch() -> None:
    """Put cellweave's functions in the place of scanpy's, scanorama's and geosketch's.

    Call it once, before or after ``import scanpy as sc``; names imported one by one
    (``from scanpy.pp import log1p``) before the call stay the originals. Where scanorama or geosketch are not
    installed, ``import scanorama`` gives cellweave's. Patching twice changes nothing more.

    See Also
    --------
    unpatch, patched, patch_status
    """
    if _active or _stand_ins:
        return
    for original_path, ours_path in ROOMS:
        ours = importlib.import_module(ours_path)
        original = _import_original(original_path)
        if original is None:
            if "." not in original_path:
                sys.modules[original_path] = ours
                _stand_ins.append(original_path)
                logger.info("%s is not installed: importing it gives %s", original_path, ours_path)
            continue
        for name in ours.__all__:
            if hasattr(original, name):
                replacement = Replacement(original, original_path, name, getattr(ours, name))
                replacement.install()
                _active.append(replacement)
    logger.info("cellweave took the place of %d functions", len(_active))


def unpatch() -> None:
    """Put the originals back."""
    for replacement in _active:
        replacement.remove()
    _active.clear()
    for name in _stand_ins:
        sys.modules.pop(name, None)
    _stand_ins.clear()


@contextmanager
def patched() -> Iterator[None]:
    """``with cellweave.patched(): ...`` patches for the calls inside only."""
    was_active = bool(_active or _stand_ins)
    patch()
    try:
        yield
    finally:
        if not was_active:
            unpatch()


def patch_status() -> pd.DataFrame:
    """What :func:`patch` replaced and how it went.

    Returns
    -------
    A data frame with one row per function: ``function``, ``active``, ``calls`` (on the engine), ``fallbacks`` (to the
    original) and ``reason`` (of the last fallback).
    """
    import pandas as pd

    columns = ["function", "active", "calls", "fallbacks", "reason"]
    return pd.DataFrame([replacement.status() for replacement in _active], columns=columns)
