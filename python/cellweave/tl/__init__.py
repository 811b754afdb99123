"""Tools, as ``scanpy.tl``."""

from ..pp._pca import pca
from ._diffmap import diffmap
from ._dpt import dpt
from ._ingest import ingest
from ._leiden import leiden
from ._louvain import louvain
from ._paga import paga
from ._rank_genes_groups import rank_genes_groups
from ._score_genes import score_genes, score_genes_cell_cycle
from ._tsne import tsne
from ._umap import umap

__all__ = [
    "diffmap",
    "dpt",
    "ingest",
    "leiden",
    "louvain",
    "paga",
    "pca",
    "rank_genes_groups",
    "score_genes",
    "score_genes_cell_cycle",
    "tsne",
    "umap",
]
