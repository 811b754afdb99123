"""Checks of arguments that many functions share; each error names the argument, what was found and what to do."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)  # numpy's numbers are Real, its bool is not


def number(value: Any, name: str, *, above: float | None = None, optional: bool = True) -> None:
    """TypeError unless ``value`` is a number (or None, if optional); ValueError unless it is finite and > ``above``.

    Without ``above`` any number will do; with ``-inf`` any finite one.
    """
    if value is None and optional:
        return
    if not _is_number(value):
        raise TypeError(f"{name} must be a number, found {value!r} ({type(value).__name__}).")
    if above is not None and not (np.isfinite(value) and value > above):
        bound = f" above {above:g}" if np.isfinite(above) else ""
        raise ValueError(f"{name} must be a finite number{bound}, found {value!r}.")


def whole(value: Any, name: str, *, at_least: int) -> int:
    """``value`` as an int: a TypeError unless it is a whole number, a ValueError unless it is large enough."""
    if not _is_number(value) or not np.isfinite(value) or int(value) != value:
        raise TypeError(f"{name} must be a whole number, found {value!r}.")
    if value < at_least:
        raise ValueError(f"{name} must be a whole number of at least {at_least}, found {value!r}.")
    return int(value)


def mask(data: Any, value: Any, axis: str, name: str) -> np.ndarray | None:
    """A boolean mask over ``obs`` or ``var``, given as an array or as the name of a column; None stays None."""
    if value is None:
        return None
    if isinstance(value, str):
        if not isinstance(data, AnnData):
            raise ValueError("Cannot refer to mask with string without providing anndata object as argument")
        table = getattr(data, axis)
        if value not in table.columns:
            raise ValueError(
                f"Did not find `adata.{axis}[{value!r}]`. Either add the mask first to `adata.{axis}`"
                "or consider using the mask argument with an array."
            )
        chosen = table[value]
    else:
        chosen = value
    chosen = chosen.to_numpy() if hasattr(chosen, "to_numpy") else np.asarray(chosen)
    if len(chosen) != data.shape[0 if axis == "obs" else 1]:
        raise ValueError("The shape of the mask do not match the data.")
    if not pd.api.types.is_bool_dtype(chosen.dtype):
        raise ValueError(f"Mask array must be boolean. {name} has dtype {chosen.dtype}.")
    return np.asarray(chosen, dtype=bool)
