"""Variable genes by normalised variance (flavors 'seurat_v3' and 'seurat_v3_paper')."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .._compat import warn
from .._core import engine
from .._moments import Moments, sum_moments
from ..settings import settings


def rank_genes(
    matrix: Any,
    name: str,
    *,
    flavor: str,
    gene_names: pd.Index,
    batches: np.ndarray | None,
    n_batches: int,
    n_top_genes: int,
    span: float,
    check_values: bool,
) -> pd.DataFrame:
    """Columns ``means``, ``variances``, ``gene_name``, ``highly_variable_nbatches``, ``highly_variable_rank``,
    ``variances_norm`` and ``highly_variable``.

    Two reads of the matrix: one for means and variances, one for the values above what the fit allows.
    Ties in normalised variance: see :func:`median_ranks`.
    """
    moments = sum_moments(matrix, name, groups=batches, n_groups=n_batches)
    if moments.has_nonfinite:
        raise ValueError(f"{name} holds NaN or infinite values. Remove those cells or genes, or fill them in.")
    if check_values and (moments.has_negative or moments.has_fraction):
        warn(f"`{flavor=!r}` expects raw count data, but non-integers were found.")
    if (moments.n_cells < 2).any():
        raise ValueError(f"flavor='{flavor}' needs at least 2 cells in every batch; found {moments.n_cells.tolist()}.")
    means, variances = moments.mean_variance()
    deviations = np.stack([_expected_deviation(m, v, span, name) for m, v in zip(means, variances, strict=True)])
    n = moments.n_cells[:, None].astype(np.float64)
    sums, squares = _clipped(moments, deviations * np.sqrt(n) + means, matrix, name, batches)
    variances_norm = (n * means**2 + squares - 2 * sums * means) / ((n - 1) * deviations**2)

    n_chosen, median_rank = median_ranks(variances_norm, n_top_genes)
    overall_means, overall_variances = moments.pooled().mean_variance()
    table = pd.DataFrame(
        {
            "means": overall_means[0],
            "variances": overall_variances[0],
            "gene_name": gene_names,
            "highly_variable_nbatches": n_chosen,
            "highly_variable_rank": median_rank,
            "variances_norm": variances_norm.mean(axis=0),
        }
    )
    is_unranked = np.isnan(median_rank)
    # Last key first.
    keys = (-n_chosen, median_rank, is_unranked) if flavor == "seurat_v3" else (median_rank, is_unranked, -n_chosen)
    is_chosen = np.zeros(len(table), dtype=bool)
    is_chosen[np.lexsort(keys)[:n_top_genes]] = True
    table["highly_variable"] = is_chosen
    return table


def _clipped(
    moments: Moments, caps: np.ndarray, matrix: Any, name: str, batches: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Sums of the values and of their squares, groups x genes, with values above the cap of their gene counted as it.

    Few values lie above, and taking away what they have too much is quicker than adding up all again. Where a value is
    hundreds of times its cap that would cost digits, so there all are added up.
    """
    arguments: dict[str, Any] = {"groups": batches, "n_groups": len(caps), "caps": caps}
    if (moments.squares <= 1e5 * caps**2).all():
        above = sum_moments(matrix, name, **arguments, above_caps=True)
        return moments.sums - above.sums, moments.squares - above.squares
    clipped = sum_moments(matrix, name, **arguments)
    return clipped.sums, clipped.squares


def median_ranks(scores: np.ndarray, n_top_genes: int) -> tuple[np.ndarray, np.ndarray]:
    """In how many batches each gene is among the ``n_top_genes`` with the highest scores, and the median of its ranks
    there (float32, 0 is the best; NaN if in none). ``scores`` is batches x genes.

    Genes expressed in one cell alone often tie. Their order is the one that numpy's default argsort leaves, because
    that is scanpy's; it is the same on every run, but may differ between CPUs for which numpy has different code.
    """
    ranks = np.argsort(np.argsort(-scores, axis=1), axis=1).astype(np.float32)
    ranks[ranks >= n_top_genes] = np.nan
    n_chosen = np.asarray((~np.isnan(ranks)).sum(axis=0, dtype=np.int64))
    median = np.full(scores.shape[1], np.nan, dtype=np.float32)
    median[n_chosen > 0] = np.nanmedian(ranks[:, n_chosen > 0], axis=0)
    return n_chosen, median


def _expected_deviation(means: np.ndarray, variances: np.ndarray, span: float, name: str) -> np.ndarray:
    """Standard deviation that the trend of variance over mean expects of each gene; 1 for constant genes."""
    is_varying = variances > 0
    if (means[is_varying] <= 0).any():
        raise ValueError(
            f"{name} has genes whose mean is not positive: this flavor needs counts, without negative values."
        )
    log_variances = np.zeros_like(means)
    if is_varying.any():
        log_variances[is_varying] = engine.loess(
            np.log10(means[is_varying]), np.log10(variances[is_varying]), span, settings.n_threads
        )
    return np.sqrt(10**log_variances)
