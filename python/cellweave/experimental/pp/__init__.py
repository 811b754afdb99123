"""Experimental preprocessing, as ``scanpy.experimental.pp``."""

from ._highly_variable_genes import highly_variable_genes
from ._normalization import (
    normalize_pearson_residuals,
    normalize_pearson_residuals_pca,
    recipe_pearson_residuals,
)

__all__ = [
    "highly_variable_genes",
    "normalize_pearson_residuals",
    "normalize_pearson_residuals_pca",
    "recipe_pearson_residuals",
]
