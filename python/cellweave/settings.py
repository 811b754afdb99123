"""Settings of cellweave: threads and verbosity.

``n_threads`` starts as ``CELLWEAVE_NUM_THREADS``, or else the number of cores this process may use. It changes the
time of a call, never its result.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_LEVELS = {0: logging.ERROR, 1: logging.WARNING, 2: logging.INFO, 3: logging.DEBUG}

logger = logging.getLogger("cellweave")


class _Console(logging.StreamHandler):
    """Shows messages on stderr as long as the program has set up no logging of its own."""

    def emit(self, record: logging.LogRecord) -> None:
        if not logging.getLogger().handlers:
            super().emit(record)


logger.addHandler(_Console())


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _checked_threads(n_threads: int, name: str) -> int:
    if isinstance(n_threads, bool) or int(n_threads) != n_threads or n_threads < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, found {n_threads!r}.")
    return int(n_threads)


def _initial_threads() -> int:
    asked = os.environ.get("CELLWEAVE_NUM_THREADS")
    if not asked:
        return _usable_cores()
    if not asked.strip().isdigit():
        raise ValueError(f"CELLWEAVE_NUM_THREADS must be a whole number of at least 1, found '{asked}'.")
    return _checked_threads(int(asked), "CELLWEAVE_NUM_THREADS")


class Settings:
    """Use the one instance, ``cellweave.settings``."""

    def __init__(self) -> None:
        self._n_threads = _initial_threads()
        self._override: ContextVar[int | None] = ContextVar("cellweave_threads", default=None)
        self._verbosity = 1
        logger.setLevel(_LEVELS[self._verbosity])

    @property
    def n_threads(self) -> int:
        """Threads that a call may use."""
        return self._override.get() or self._n_threads

    @n_threads.setter
    def n_threads(self, n_threads: int) -> None:
        self._n_threads = _checked_threads(n_threads, "n_threads")

    @property
    def verbosity(self) -> int:
        """0 errors, 1 warnings, 2 what was done, 3 hints such as conversions. Messages go to the logger 'cellweave'."""
        return self._verbosity

    @verbosity.setter
    def verbosity(self, verbosity: int) -> None:
        if verbosity not in _LEVELS:
            raise ValueError(f"verbosity must be one of {list(_LEVELS)}, found {verbosity!r}.")
        self._verbosity = int(verbosity)
        logger.setLevel(_LEVELS[self._verbosity])

    def __repr__(self) -> str:
        return f"Settings(n_threads={self.n_threads}, verbosity={self.verbosity})"


settings = Settings()


@contextmanager
def threads(n_threads: int) -> Iterator[None]:
    """``with cellweave.threads(4): ...`` runs the calls inside, in this Python thread, on 4 threads."""
    token = settings._override.set(_checked_threads(n_threads, "n_threads"))
    try:
        yield
    finally:
        settings._override.reset(token)
