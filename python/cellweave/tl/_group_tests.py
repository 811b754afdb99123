"""Tests of whether a group of cells expresses a gene differently: Welch's t and Wilcoxon's rank sums, for all genes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import special

from .. import _arrays, _progress
from .._core import engine
from .._moments import sum_moments
from ..settings import settings

#: What rounding may leave of a variance that is zero, and of a difference of means, relative to the mean.
_ROUNDING = 1e-14


@dataclass(frozen=True)
class Comparison:
    """Which groups of cells are compared, and with whom."""

    #: The groups' names, in order.
    names: list[str]
    #: The group of each cell, -1 for a cell of none.
    codes: np.ndarray
    #: The group with which the others are compared; ``None``: all other cells, also those of no group.
    reference: int | None

    @property
    def n_groups(self) -> int:
        return len(self.names)

    @property
    def tested(self) -> list[int]:
        """The groups that are compared with something."""
        return [group for group in range(self.n_groups) if group != self.reference]

    @cached_property
    def sizes(self) -> np.ndarray:
        """Cells of each group."""
        return np.bincount(self.codes[self.codes >= 0], minlength=self.n_groups)

    @property
    def sizes_of_others(self) -> np.ndarray:
        """Cells that each group is compared with."""
        if self.reference is None:
            return len(self.codes) - self.sizes
        return np.full(self.n_groups, self.sizes[self.reference])


@dataclass(frozen=True)
class Expression:
    """What the cells of each group, or those that it is compared with, express: groups x genes."""

    n_cells: np.ndarray
    means: np.ndarray
    variances: np.ndarray


def expression(matrix: Any, comparison: Comparison, name: str) -> tuple[Expression, Expression, bool]:
    """Of the groups and of those that each is compared with; and whether the values are raw counts."""
    n_groups, codes = comparison.n_groups, comparison.codes
    if comparison.reference is None:  # the cells of no group make one more
        codes = np.where(codes < 0, n_groups, codes)
    sums = sum_moments(matrix, name, groups=codes, n_groups=n_groups + 1)
    if sums.has_nonfinite:
        _arrays.require_finite(matrix, name)
    groups = _described(comparison.sizes, sums.sums[:n_groups], sums.squares[:n_groups])
    if comparison.reference is None:
        of_others = _sums_of_others(sums.sums)[:n_groups], _sums_of_others(sums.squares)[:n_groups]
        others = _described(comparison.sizes_of_others, *of_others)
    else:
        row = [comparison.reference] * n_groups
        others = Expression(groups.n_cells[row], groups.means[row], groups.variances[row])
    return groups, others, not sums.has_negative and not sums.has_fraction


def _sums_of_others(sums: np.ndarray) -> np.ndarray:
    """Of all rows but each: never the total less the row, which would leave rounding errors where nothing is."""
    before, after = np.zeros_like(sums), np.zeros_like(sums)
    np.cumsum(sums[:-1], axis=0, out=before[1:])
    np.cumsum(sums[:0:-1], axis=0, out=after[-2::-1])
    return before + after


def _described(n_cells: np.ndarray, sums: np.ndarray, squares: np.ndarray) -> Expression:
    n = n_cells[:, None].astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = sums / n
        variances = (squares / n - means**2) * (n / (n - 1))
    return Expression(n, means, np.where(variances > _ROUNDING * means**2, variances, 0))


def t_test(groups: Expression, others: Expression, n_others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Welch's t and its two-sided p-value, groups x genes. A gene that is the same everywhere has 0 and 1.

    ``n_others`` is how many cells the variance of the others counts for.
    """
    difference = groups.means - others.means
    difference[np.abs(difference) <= _ROUNDING * np.abs(others.means)] = 0
    with np.errstate(invalid="ignore", divide="ignore"):
        own, other = groups.variances / groups.n_cells, others.variances / n_others
        scores = difference / np.sqrt(own + other)
        freedom = (own + other) ** 2 / (own**2 / (groups.n_cells - 1) + other**2 / (n_others - 1))
    freedom[np.isnan(freedom)] = 1
    scores[np.isnan(scores)] = 0
    return scores, _of_each_group(lambda t, free: 2 * special.stdtr(free, -np.abs(t)), scores, freedom)


def wilcoxon(matrix: Any, comparison: Comparison, name: str, *, tie_correct: bool) -> tuple[np.ndarray, np.ndarray]:
    """z of the rank sums and its two-sided p-value, groups x genes. A gene that is the same everywhere has 0 and 1."""
    view = _arrays.canonical(matrix, name) if _arrays.is_sparse(matrix) else _arrays.dense(matrix, name)
    codes = np.ascontiguousarray(comparison.codes, dtype=np.int32)
    with _progress.bars(settings.verbosity >= 2):
        sums, ties = engine.rank_sums(view, codes, comparison.n_groups, comparison.reference, settings.n_threads)
    n = comparison.sizes[:, None].astype(np.float64)
    n_others = comparison.sizes_of_others[:, None].astype(np.float64)
    n_ranked = n + n_others
    variances = n * n_others * (n_ranked + 1) / 12
    with np.errstate(invalid="ignore", divide="ignore"):
        if tie_correct:
            variances = variances * (1 - ties / (n_ranked**3 - n_ranked))
        scores = (sums - n * (n_ranked + 1) / 2) / np.sqrt(variances)
    scores[np.isnan(scores)] = 0
    return scores, _of_each_group(lambda z: 2 * special.ndtr(-np.abs(z)), scores)


def _of_each_group(function: Callable[..., np.ndarray], *tables: np.ndarray) -> np.ndarray:
    """``function`` of every row of the tables, on all threads."""
    with ThreadPoolExecutor(settings.n_threads) as pool:
        return np.stack(list(pool.map(function, *tables)))


def false_discovery_rates(p_values: np.ndarray) -> np.ndarray:
    """p-values of one group corrected for the number of genes (Benjamini and Hochberg 1995)."""
    order = np.argsort(p_values)[::-1]
    shares = np.arange(len(p_values), 0, -1) / len(p_values)
    corrected = np.empty_like(p_values)
    corrected[order] = np.minimum(np.minimum.accumulate(p_values[order] / shares), 1)
    return corrected
