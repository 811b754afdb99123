"""tqdm bars for the stages that the engine reports, in a terminal and in Jupyter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ._core import engine


class _Bars:
    """One bar per stage; a stage that is over within the first look never shows."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._stage = ""

    def __call__(self, stage: str, done: int, total: int) -> None:
        from tqdm.auto import tqdm

        if self._bar is None or stage != self._stage:
            self.close()
            self._stage = stage
            self._bar = tqdm(total=total, desc=stage, leave=False)
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


@contextmanager
def bars(show: bool) -> Iterator[None]:
    """Within it, engine calls of this Python thread show their progress if ``show``."""
    if not show:
        yield
        return
    shown = _Bars()
    previous = engine.set_progress(shown)
    try:
        yield
    finally:
        engine.set_progress(previous)
        shown.close()
