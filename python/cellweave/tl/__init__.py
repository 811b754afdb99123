"""Tools, as ``scanpy.tl``."""

from ._leiden import leiden
from ._louvain import louvain
from ._umap import umap

__all__ = [
    "leiden",
    "louvain",
    "umap",
]
