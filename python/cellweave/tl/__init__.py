"""Tools, as ``scanpy.tl``."""

from ._score_genes import score_genes, score_genes_cell_cycle

__all__ = [
    "score_genes",
    "score_genes_cell_cycle",
]
