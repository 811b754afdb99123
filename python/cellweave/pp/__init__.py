"""Preprocessing, as ``scanpy.pp``."""

from ._filter import filter_cells, filter_genes
from ._log import log1p, sqrt
from ._neighbors import neighbors
from ._normalize import normalize_per_cell, normalize_total
from ._pca import pca
from ._qc import calculate_qc_metrics, describe_obs, describe_var, top_proportions
from ._scale import scale

__all__ = [
    "calculate_qc_metrics",
    "describe_obs",
    "describe_var",
    "filter_cells",
    "filter_genes",
    "log1p",
    "neighbors",
    "normalize_per_cell",
    "normalize_total",
    "pca",
    "scale",
    "sqrt",
    "top_proportions",
]
