"""Slow, short definitions of the counts room, over dense float64 matrices of cells x genes."""

from __future__ import annotations

import numpy as np


def qc_of_cells(counts: np.ndarray, ranks: list[int], members: np.ndarray) -> dict[str, np.ndarray]:
    """Totals, genes, percent in the top and percent in a set of genes."""
    totals = counts.sum(axis=1)
    strongest_first = -np.sort(-counts, axis=1)
    with np.errstate(invalid="ignore"):
        found = {f"pct_counts_in_top_{n}_genes": strongest_first[:, :n].sum(axis=1) / totals * 100 for n in ranks}
        found["pct_counts_set"] = counts[:, members].sum(axis=1) / totals * 100
    return {"n_genes_by_counts": (counts != 0).sum(axis=1), "total_counts": totals, **found}


def qc_of_genes(counts: np.ndarray) -> dict[str, np.ndarray]:
    """Totals, means and cells."""
    n_cells = (counts != 0).sum(axis=0)
    return {
        "n_cells_by_counts": n_cells,
        "mean_counts": counts.mean(axis=0),
        "pct_dropout_by_counts": (1 - n_cells / counts.shape[0]) * 100,
        "total_counts": counts.sum(axis=0),
    }


def normalize_total(counts: np.ndarray, target_sum: float | None = None) -> np.ndarray:
    """Every row to the same total; rows without counts stay."""
    totals = counts.sum(axis=1)
    if target_sum is None:
        target_sum = np.median(totals[totals > 0]) if (totals > 0).any() else 1.0
    factors = np.divide(target_sum, totals, out=np.ones_like(totals), where=totals > 0)
    return counts * factors[:, None]


def scale(values: np.ndarray, zero_center: bool = True, max_value: float | None = None) -> np.ndarray:
    """Columns to unit variance; constant ones are divided by one."""
    deviations = values.std(axis=0, ddof=1) if len(values) > 1 else np.zeros(values.shape[1])
    deviations[np.isclose(deviations, 0)] = 1
    scaled = (values - values.mean(axis=0) * zero_center) / deviations
    if max_value is None:
        return scaled
    return np.clip(scaled, -max_value if zero_center else None, max_value)


def regress_out(values: np.ndarray, annotation: np.ndarray) -> np.ndarray:
    """What least squares on a constant and the annotation leaves."""
    design = np.column_stack([np.ones(len(values)), annotation])
    return values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
