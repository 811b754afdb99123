"""The steps that are timed: one module per room, one small function per step and tool.

A step function gets the loaded data (a fresh copy for every repeat), imports its tool, prepares what is not to be
timed, and returns the call that is::

    @step("normalize", tool="scanpy", data="counts", warm_up=True)
    def normalize_scanpy(adata):
        import scanpy as sc
        return lambda: sc.pp.normalize_total(adata, target_sum=1e4)

It may return a second call beside it, which is made after the clock has stopped and returns figures of how good the
result is, by name: ``{"recall": 0.998}``. The table shows them.

The room is the module's name, and each room becomes one table. Modules are imported by interpreters that hold a peer
but not cellweave: import nothing but numpy, scipy and anndata outside the functions.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Step:
    """One thing that one tool does with one data set."""

    room: str
    name: str
    tool: str
    data: str
    cells: tuple[int, ...]
    warm_up: bool
    prepare: Callable[[Any], Any]

    @property
    def key(self) -> str:
        return f"{self.room}/{self.name}/{self.tool}/{self.data}"


_steps: dict[str, Step] = {}


def step(
    name: str,
    *,
    tool: str,
    data: str | tuple[str, ...],
    cells: tuple[int, ...] = (50_000,),
    warm_up: bool = False,
) -> Callable:
    """Registers a step.

    Parameters
    ----------
    name
        What is done; the same name for every tool that does it.
    tool
        Who does it: ``cellweave`` or a peer.
    data
        Names of data sets (see ``data.py``).
    cells
        Sizes that are run by default, where the data set can be made in any size.
    warm_up
        Run once before the clock starts, inside the process: for tools that compile at first use.
    """

    def register(prepare: Callable[[Any], Callable[[], Any]]) -> Callable:
        room = prepare.__module__.rpartition(".")[2]
        for data_set in (data,) if isinstance(data, str) else data:
            one = Step(room, name, tool, data_set, cells, warm_up, prepare)
            if one.key in _steps:
                raise ValueError(f"two steps are called {one.key}")
            _steps[one.key] = one
        return prepare

    return register


def _package(name: str) -> Callable[[], Any]:
    return lambda: importlib.import_module(name)


#: What imports the module of each tool whose functions go by scanpy's names.
BOTH = {"cellweave": _package("cellweave"), "scanpy": _package("scanpy")}


def same_step(
    name: str,
    *,
    tools: Mapping[str, Callable[[], Any]] = BOTH,
    warm_up: tuple[str, ...] = ("scanpy",),
    **arguments: Any,
) -> Callable:
    """Registers a step of functions that several tools have by the same names: ``prepare(adata, module)``."""

    def register(prepare: Callable[[Any, Any], Any]) -> Callable:
        for tool, load in tools.items():

            def prepared(adata: Any, load: Callable[[], Any] = load) -> Any:
                return prepare(adata, load())

            prepared.__module__ = prepare.__module__
            step(name, tool=tool, warm_up=tool in warm_up, **arguments)(prepared)
        return prepare

    return register


def all_steps() -> dict[str, Step]:
    """Every step of every room, by key, in the order in which they were written."""
    for module in sorted(found.name for found in pkgutil.iter_modules(__path__)):
        importlib.import_module(f"{__name__}.{module}")
    return _steps
