"""Old ways to call that scanpy still understands, with its warnings; all warnings point at the user's line."""

from __future__ import annotations

import functools
import inspect
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

_PACKAGE = str(Path(__file__).parent)

Function = TypeVar("Function", bound=Callable[..., Any])


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """A warning that points at the line outside of cellweave that made the call."""
    level = 1
    frame: FrameType | None = sys._getframe(0)
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def old_positionals(*names: str) -> Callable[[Function], Function]:
    """Lets the keyword-only parameters ``names`` be given by position, as before scanpy 1.10, with a FutureWarning."""

    def decorate(function: Function) -> Function:
        parameters = inspect.signature(function).parameters.values()
        positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        n_positional = sum(parameter.kind in positional for parameter in parameters)

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            now, before = args[:n_positional], args[n_positional:]
            if not before:
                return function(*args, **kwargs)
            if len(before) > len(names):
                raise TypeError(
                    f"{function.__name__}() takes at most {n_positional + len(names)} positional arguments, "
                    f"but {len(args)} were given."
                )
            warn(
                f"The specified parameters {names[: len(before)]!r} are no longer positional. "
                f"Please specify them like `{names[0]}={before[0]!r}`",
                FutureWarning,
            )
            return function(*now, **kwargs, **dict(zip(names, before, strict=False)))

        return wrapper  # type: ignore[return-value]

    return decorate


def renamed_argument(old: str, new: str, *, is_first: bool = False) -> Callable[[Function], Function]:
    """Takes the keyword ``old`` for the parameter that is now called ``new``, with a FutureWarning."""

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if old not in kwargs:
                return function(*args, **kwargs)
            name = function.__name__
            how = (
                f" at first position. Call it as `{name}(val, ...)` instead of `{name}({old}=val, ...)`"
                if is_first
                else ""
            )
            warn(f"In function `{name}`, argument `{old}` was renamed to `{new}`{how}.", FutureWarning)
            kwargs[new] = kwargs.pop(old)
            return function(*args, **kwargs)

        return wrapper  # type: ignore[return-value]

    return decorate


def deprecated(message: str) -> Callable[[Function], Function]:
    """A FutureWarning with ``message`` at every call."""

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            warn(message, FutureWarning)
            return function(*args, **kwargs)

        return wrapper  # type: ignore[return-value]

    return decorate
