"""What a caller of integrate or correct asks for, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _checks
from ._inputs import Matching, checked_dataset, require_list, require_names


@dataclass(frozen=True)
class Request:
    """Everything a caller may ask for, checked."""

    datasets: list[Any]
    genes_list: Any
    ds_names: Sequence[str] | None
    matching: Matching
    dimred: int
    hvg: int | None
    union: bool
    seed: int
    verbose: bool | int
    order: list[int] | None

    @property
    def names(self) -> list[str]:
        """Names of the data sets, or their numbers."""
        return require_names(self.ds_names, len(self.datasets))


def _checked_order(order: Any, names: list[str]) -> list[int] | None:
    if order is None:
        return None
    if isinstance(order, str) or not hasattr(order, "__len__"):
        raise TypeError(f"order must be a list of data sets, found {order!r}.")
    numbers = []
    for entry in order:
        if isinstance(entry, str) and entry in names:
            numbers.append(names.index(entry))
        elif isinstance(entry, (int, np.integer)) and not isinstance(entry, bool) and 0 <= entry < len(names):
            numbers.append(int(entry))
        else:
            raise ValueError(f"order holds {entry!r}; the data sets are {names} (or their numbers from 0).")
    if sorted(numbers) != list(range(len(names))):
        raise ValueError(f"order must hold each of the {len(names)} data sets once, found {list(order)}.")
    return numbers


def checked_request(
    datasets_full: Any,
    genes_list: Any,
    *,
    batch_size: Any,
    verbose: Any,
    ds_names: Any,
    dimred: Any,
    approx: Any,
    sigma: Any,
    alpha: Any,
    knn: Any,
    union: Any,
    hvg: Any,
    seed: Any,
    order: Any,
) -> Request:
    """The caller's wishes, or an error that names what is wrong. Nothing has been computed yet."""
    matching = Matching.checked(knn, sigma, alpha, approx, batch_size)
    dimred = _checks.whole(dimred, "dimred", at_least=1)
    hvg = None if hvg is None else _checks.whole(hvg, "hvg", at_least=0)
    seed = _checks.whole(seed, "seed", at_least=0)
    datasets = require_list(datasets_full, "datasets_full")
    names = require_names(ds_names, len(datasets))
    datasets = [checked_dataset(ds, f"data set {name}") for ds, name in zip(datasets, names, strict=True)]
    return Request(
        datasets, genes_list, ds_names, matching, dimred, hvg, bool(union), seed, verbose, _checked_order(order, names)
    )
