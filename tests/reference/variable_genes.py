"""Definitions of variable genes: slow, short, on dense float64 matrices."""

import numpy as np


def mean_and_variance(values):
    return values.mean(axis=0), values.var(axis=0, ddof=1) if len(values) > 1 else np.zeros(values.shape[1])


def dispersions(values):
    """log1p of the mean, and logarithm of variance over mean; of values that were logarithmized."""
    means, variances = mean_and_variance(np.expm1(values))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(variances > 0, variances / np.where(means == 0, 1e-12, means), np.nan)
    return np.log1p(np.where(means == 0, 1e-12, means)), np.log(ratios)


def normalized_dispersions(means, dispersions, n_bins=20):
    """(dispersion - mean of its bin) / standard deviation of its bin; 1 where a gene is alone."""
    low, high = means.min(), means.max()
    edges = np.linspace(low, high, n_bins + 1)
    edges[0] -= 0.001 * (high - low)
    bins = np.searchsorted(edges, means)  # (left, right]
    result = np.full(len(means), np.nan)
    for which in np.unique(bins):
        members = bins == which
        known = dispersions[members & ~np.isnan(dispersions)]
        with np.errstate(divide="ignore", invalid="ignore"):
            if len(known) == 1:
                result[members] = dispersions[members] / known[0]
            elif len(known) > 1:
                result[members] = (dispersions[members] - known.mean()) / known.std(ddof=1)
    return result


def normalized_variances(counts, fitted_log_variances, is_varying):
    """Variance of standardised counts, clipped at the square root of the number of cells."""
    means, _ = mean_and_variance(counts)
    expected = np.ones(counts.shape[1])
    expected[is_varying] = np.sqrt(10**fitted_log_variances)
    standardised = np.minimum((counts - means) / expected, np.sqrt(len(counts)))
    return (standardised**2).sum(axis=0) / (len(counts) - 1)


def pearson_residuals(counts, theta, clip):
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
    with np.errstate(invalid="ignore"):
        return np.clip((counts - expected) / np.sqrt(expected + expected**2 / theta), -clip, clip)
