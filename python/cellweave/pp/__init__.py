"""Preprocessing, as ``scanpy.pp``."""

from ._combat import combat
from ._filter import filter_cells, filter_genes
from ._highly_variable_genes import highly_variable_genes
from ._log import log1p, sqrt
from ._neighbors import neighbors
from ._normalize import normalize_per_cell, normalize_total
from ._pca import pca
from ._qc import calculate_qc_metrics, describe_obs, describe_var, top_proportions
from ._recipes import recipe_seurat, recipe_weinreb17, recipe_zheng17
from ._regress import regress_out
from ._sample import downsample_counts, sample, subsample
from ._scale import scale
from ._scrublet import scrublet, scrublet_simulate_doublets

__all__ = [
    "calculate_qc_metrics",
    "combat",
    "describe_obs",
    "describe_var",
    "downsample_counts",
    "filter_cells",
    "filter_genes",
    "highly_variable_genes",
    "log1p",
    "neighbors",
    "normalize_per_cell",
    "normalize_total",
    "pca",
    "recipe_seurat",
    "recipe_weinreb17",
    "recipe_zheng17",
    "regress_out",
    "sample",
    "scale",
    "scrublet",
    "scrublet_simulate_doublets",
    "sqrt",
    "subsample",
    "top_proportions",
]
