"""Synthetic UMI counts with a known truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from .. import _checks, _progress
from .._core import engine
from ..settings import settings


def synthetic_counts(
    n_cells: int = 10_000,
    n_genes: int = 2_000,
    n_types: int = 8,
    n_batches: int = 4,
    seed: int = 0,
    *,
    mean_counts: float | None = None,
    library_sigma: float = 0.35,
    dispersion: float = 0.3,
    n_markers: int = 40,
    marker_fold: float = 8.0,
    batch_effect: float = 0.35,
    missing: float = 0.25,
    gene_names: Sequence[str] | None = None,
    progress: bool = False,
) -> AnnData:
    """UMI counts of cell types in batches, with the truth written beside them.

    The count of a gene in a cell follows the negative binomial law with ``variance = mean + dispersion * mean ** 2``
    and ``mean = library_size * share``, where the shares of a cell's type and batch are, up to their sum of 1,
    ``base * marker_fold * batch_effect``. Base shares are log-normal over four decades, as in real tissue.

    The same arguments give the same bytes at any number of threads. Made block by block: the memory is that of the
    result (8 bytes a non-zero count).

    Parameters
    ----------
    n_cells, n_genes, n_types, n_batches
        Batches are of equal size (up to one cell) and lie one after the other.
    seed
        A whole number from 0 to 2^32 - 1.
    mean_counts
        Median expected counts of a cell. ``None``: a fifth of ``n_genes``; with 20,000 genes about 1,800 of them are
        then found in a cell.
    library_sigma
        Standard deviation of the logarithm of the library sizes.
    dispersion
        0 gives Poisson counts.
    n_markers
        Genes that each type expresses ``marker_fold`` times the base. Two types never share one, so there are at most
        ``n_genes // n_types``.
    batch_effect
        Standard deviation of the logarithm of the factor that each batch puts on each gene. 0: no batch effect.
    missing
        Share of the types that each batch lacks. Every type stays in two batches or more (if there are two), and every
        batch shares a type with the batch before it.
    gene_names
        ``n_genes`` different names; by default ``gene_0`` and so on.
    progress
        Show a progress bar.

    Returns
    -------
    ``X``
        CSR, float32 holding whole numbers; int32 indices, or int64 beyond 2^31 - 1 non-zero counts.
    ``obs``
        ``cell_type``, ``batch`` (categories), ``library_size`` (expected counts).
    ``var``
        ``base_share``, ``marker_of`` (the type, or missing), ``batch_effect_<batch>`` (the factors).

    Raises
    ------
    ValueError, TypeError
        If a size is below 1, more types are missing than a batch can lack, or a parameter is negative or not finite.
    """
    sizes = {"n_cells": n_cells, "n_genes": n_genes, "n_types": n_types, "n_batches": n_batches}
    for name, size in sizes.items():
        _checks.whole(size, name, at_least=1)
    _checks.whole(n_markers, "n_markers", at_least=0)
    _checks.whole(seed, "seed", at_least=0)
    if seed >= 2**32:
        raise ValueError(f"seed must be below 2^32, found {seed}.")
    numbers = {
        "library_sigma": library_sigma,
        "dispersion": dispersion,
        "marker_fold": marker_fold,
        "batch_effect": batch_effect,
        "missing": missing,
        "mean_counts": n_genes / 5 if mean_counts is None else mean_counts,
    }
    for name, number in numbers.items():
        if not isinstance(number, Real) or not np.isfinite(number) or number < 0:
            raise ValueError(f"{name} must be a finite number of at least 0, found {number!r}.")
    if missing >= 1:
        raise ValueError(f"missing is the share of the types that a batch lacks: below 1, found {missing}.")
    names = [f"gene_{k}" for k in range(n_genes)] if gene_names is None else [str(name) for name in gene_names]
    if len(names) != n_genes or len(set(names)) != n_genes:
        raise ValueError(f"gene_names must be {n_genes} different names, found {len(set(names))} among {len(names)}.")

    rng = np.random.RandomState(seed)
    design = Design.draw(rng, n_genes, n_types, n_batches, n_markers, marker_fold, batch_effect, missing)
    batch_of_cell = np.arange(n_cells) * n_batches // n_cells
    type_of_cell = design.draw_types(rng, batch_of_cell)
    library_sizes = numbers["mean_counts"] * np.exp(library_sigma * rng.normal(size=n_cells))
    profile_of_cell = type_of_cell * n_batches + batch_of_cell
    counts = sample(design.shares(), profile_of_cell, library_sizes, dispersion, seed, progress=progress)
    return design.annotated(counts, names, type_of_cell, batch_of_cell, library_sizes)


@dataclass
class Design:
    """What there is to find: types, their markers, and the batches' effects."""

    base: np.ndarray  # n_genes, sums to 1
    fold: np.ndarray  # n_types x n_genes
    batch_factor: np.ndarray  # n_batches x n_genes
    marker_of: np.ndarray  # n_genes; -1 is no marker
    abundance: np.ndarray  # n_batches x n_types, rows sum to 1

    @classmethod
    def draw(
        cls,
        rng: np.random.RandomState,
        n_genes: int,
        n_types: int,
        n_batches: int,
        n_markers: int,
        marker_fold: float,
        batch_effect: float,
        missing: float,
    ) -> Design:
        base = np.exp(2.1 * rng.normal(size=n_genes))
        # No gene takes more than a fiftieth of the library (where the genes are many enough for that).
        base = np.minimum(base / base.sum(), max(0.02, 2 / n_genes))
        base /= base.sum()
        marker_of = np.full(n_genes, -1)
        markers = rng.permutation(n_genes)[: n_types * min(n_markers, n_genes // n_types)]
        marker_of[markers] = np.arange(markers.size) % n_types
        # Markers vary in strength, by a factor of about 1.5 each way.
        strength = marker_fold * np.exp(0.4 * rng.normal(size=n_genes))
        fold = np.where(marker_of[None, :] == np.arange(n_types)[:, None], strength[None, :], 1.0)
        batch_factor = np.exp(batch_effect * rng.normal(size=(n_batches, n_genes)))
        present = _present_types(rng, n_types, n_batches, missing)
        abundance = np.where(present, np.exp(0.5 * rng.normal(size=(n_batches, n_types))), 0.0)
        return cls(base, fold, batch_factor, marker_of, abundance / abundance.sum(axis=1, keepdims=True))

    @property
    def n_types(self) -> int:
        return self.fold.shape[0]

    @property
    def n_batches(self) -> int:
        return self.batch_factor.shape[0]

    def draw_types(self, rng: np.random.RandomState, batch_of_cell: np.ndarray) -> np.ndarray:
        """The type of every cell, by the abundances in its batch."""
        types = np.empty(batch_of_cell.size, np.int64)
        for batch in range(self.n_batches):
            members = batch_of_cell == batch
            types[members] = rng.choice(self.n_types, size=int(members.sum()), p=self.abundance[batch])
        return types

    def shares(self) -> np.ndarray:
        """(n_types * n_batches) x n_genes; row ``type * n_batches + batch``; rows sum to 1."""
        shares = (self.base * self.fold)[:, None, :] * self.batch_factor[None, :, :]
        shares = shares.reshape(-1, self.base.size)
        return shares / shares.sum(axis=1, keepdims=True)

    def annotated(
        self,
        counts: sparse.csr_matrix,
        gene_names: list[str],
        type_of_cell: np.ndarray,
        batch_of_cell: np.ndarray,
        library_sizes: np.ndarray,
        type_names: Sequence[str] | None = None,
    ) -> AnnData:
        """The counts with their truth."""
        types = [f"type_{k}" for k in range(self.n_types)] if type_names is None else list(type_names)
        batches = [f"batch_{k}" for k in range(self.n_batches)]
        obs = pd.DataFrame(
            {
                "cell_type": pd.Categorical.from_codes(type_of_cell, types),
                "batch": pd.Categorical.from_codes(batch_of_cell, batches),
                "library_size": library_sizes,
            },
            index=[f"cell_{k}" for k in range(counts.shape[0])],
        )
        var = pd.DataFrame(
            {"base_share": self.base, "marker_of": pd.Categorical.from_codes(self.marker_of, types)},
            index=gene_names,
        )
        for batch, factors in zip(batches, self.batch_factor, strict=True):
            var[f"batch_effect_{batch}"] = factors
        return AnnData(X=counts, obs=obs, var=var)


def sample(
    shares: np.ndarray,
    profile_of_cell: np.ndarray,
    library_sizes: np.ndarray,
    dispersion: float,
    seed: int,
    *,
    progress: bool = False,
) -> sparse.csr_matrix:
    """Negative binomial counts with mean ``library_sizes[cell] * shares[profile_of_cell[cell]]``."""
    with _progress.bars(progress):
        data, indices, indptr = engine.sample_counts(
            np.ascontiguousarray(shares, np.float64),
            np.ascontiguousarray(profile_of_cell, np.int32),
            np.ascontiguousarray(library_sizes, np.float64),
            float(dispersion),
            int(seed),
            settings.n_threads,
        )
    index_dtype = np.int32 if indptr[-1] <= np.iinfo(np.int32).max else np.int64
    counts = sparse.csr_matrix((profile_of_cell.size, shares.shape[1]), dtype=np.float32)
    counts.data = data
    counts.indices = indices.astype(index_dtype, copy=False)
    counts.indptr = indptr.astype(index_dtype, copy=False)
    counts.has_sorted_indices = True
    counts.has_canonical_format = True
    return counts


def _present_types(rng: np.random.RandomState, n_types: int, n_batches: int, missing: float) -> np.ndarray:
    """Which type is in which batch: n_batches x n_types."""
    present = np.ones((n_batches, n_types), bool)
    n_missing = min(int(missing * n_types), n_types - 1) if n_batches > 1 else 0
    for batch in range(n_batches):
        absent = rng.permutation(n_types)[:n_missing]
        present[batch, absent] = False
        if batch > 0 and not (present[batch] & present[batch - 1]).any():
            present[batch, np.flatnonzero(present[batch - 1])[0]] = True
    for cell_type in range(n_types):
        lacking = rng.permutation(np.flatnonzero(~present[:, cell_type]))
        n_added = max(0, min(2, n_batches) - int(present[:, cell_type].sum()))
        present[lacking[:n_added], cell_type] = True
    return present
