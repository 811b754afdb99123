"""One replaced function: runs on the engine, or falls back to the original with a logged reason."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

from anndata import AnnData

from .. import _arrays
from ..settings import logger


class Replacement:
    """Stands in for ``module.name``; counts its calls and keeps the reason of its last fallback."""

    def __init__(self, module: ModuleType, path: str, name: str, ours: Callable[..., Any]) -> None:
        self._module = module
        self._path = path
        self._name = name
        self._ours = ours
        self._original = getattr(module, name)
        self._calls = 0
        self._fallbacks = 0
        self._reason = ""

    def install(self) -> None:
        """Sets the attribute of the original module."""
        original = self._original

        @functools.wraps(original)
        def dispatched(*args: Any, **kwargs: Any) -> Any:
            return self._call(args, kwargs)

        # Where it is found from now on: pickle looks there, and so processes can be given the function.
        dispatched.__module__, dispatched.__qualname__ = self._module.__name__, self._name
        dispatched.__cellweave__ = self._ours  # type: ignore[attr-defined]
        setattr(self._module, self._name, dispatched)

    def remove(self) -> None:
        """Gives the attribute back, unless somebody else has set it since."""
        if getattr(getattr(self._module, self._name), "__cellweave__", None) is self._ours:
            setattr(self._module, self._name, self._original)

    def status(self) -> dict[str, Any]:
        """One row of ``patch_status()``."""
        return {
            "function": f"{self._path}.{self._name}",
            "active": getattr(self._module, self._name) is not self._original,
            "calls": self._calls,
            "fallbacks": self._fallbacks,
            "reason": self._reason,
        }

    def _call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        reason = self._not_covered(args, kwargs)
        if reason is None:
            try:
                result = self._ours(*args, **kwargs)
            except NotImplementedError as error:
                # A failed call of ours leaves its input as it was, so the original can start from it.
                reason = str(error)
            else:
                self._calls += 1
                logger.debug("%s.%s ran on the engine", self._path, self._name)
                return result
        self._fallbacks += 1
        self._reason = reason
        logger.warning("%s.%s falls back to the original because %s", self._path, self._name, reason)
        return self._original(*args, **kwargs)

    def _not_covered(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str | None:
        """Why this call is not for the engine, or None."""
        try:
            inspect.signature(self._ours).bind(*args, **kwargs)
        except TypeError as error:
            return f"its arguments do not fit: {error}"
        for argument in (*args, *kwargs.values()):
            matrix = argument.X if isinstance(argument, AnnData) and not argument.isbacked else argument
            if _arrays.is_foreign(matrix):
                return f"the matrix is a {type(matrix).__module__}.{type(matrix).__name__}"
        return None
