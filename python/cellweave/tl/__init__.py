"""Tools, as ``scanpy.tl``."""

from ..pp._pca import pca
from ._leiden import leiden
from ._louvain import louvain
from ._rank_genes_groups import rank_genes_groups
from ._score_genes import score_genes, score_genes_cell_cycle
from ._tsne import tsne
from ._umap import umap

__all__ = [
    "leiden",
    "louvain",
    "pca",
    "rank_genes_groups",
    "score_genes",
    "score_genes_cell_cycle",
    "tsne",
    "umap",
]
