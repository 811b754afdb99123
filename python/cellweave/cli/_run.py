"""``python -m cellweave run script.py``: an unchanged script on the engine."""

from __future__ import annotations

import runpy
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from ._stop import Stop


def run(script: str, arguments: Sequence[str]) -> None:
    """Runs ``script`` as ``python script.py arguments`` would, with scanpy, scanorama and geosketch patched."""
    from .. import patch, patch_status

    path = Path(script)
    if not path.is_file():
        raise Stop(f"there is no file {script}.")
    patch()
    sys.argv = [script, *arguments]
    sys.path.insert(0, str(path.resolve().parent))
    try:
        runpy.run_path(script, run_name="__main__")
    except Exception:
        # The script's own error: its author wants all of it.
        traceback.print_exc()
        raise SystemExit(1) from None
    status = patch_status()
    called = status[status["calls"] > 0] if "calls" in status else status
    if len(called):
        print(f"\ncellweave ran {len(called)} function(s) of this script:\n{called.to_string()}", file=sys.stderr)
