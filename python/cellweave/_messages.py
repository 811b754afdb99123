"""Warnings that point at the user's line, and arguments that used to be positional."""

from __future__ import annotations

import functools
import inspect
import sys
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn; the line shown is the one outside cellweave that led here."""
    level = 2
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] == __package__:
        frame = frame.f_back
        level += 1
    warnings.warn(message, category, stacklevel=level)


def old_positionals(*names: str) -> Callable[[F], F]:
    """Let the keyword arguments ``names`` still be given by position, with a FutureWarning, as scanpy 1.11 does."""

    def decorate(function: F) -> F:
        kinds = [p.kind for p in inspect.signature(function).parameters.values()]
        n_positional = sum(kind is not inspect.Parameter.KEYWORD_ONLY for kind in kinds)

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            late = args[n_positional:]
            if late:
                if len(late) > len(names):
                    raise TypeError(
                        f"{function.__name__}() takes {n_positional} positional argument(s), found {len(args)}."
                    )
                given = dict(zip(names, late, strict=False))
                if twice := sorted(given.keys() & kwargs.keys()):
                    raise TypeError(f"{function.__name__}() got multiple values for {twice}.")
                shown = ", ".join(f"{name}=..." for name in given)
                warn(f"{function.__name__}(): {list(given)} are no longer positional. Write {shown}.", FutureWarning)
                kwargs.update(given)
            return function(*args[:n_positional], **kwargs)

        return call  # type: ignore[return-value]

    return decorate
