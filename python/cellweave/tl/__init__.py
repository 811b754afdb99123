"""Tools, as ``scanpy.tl``."""

from ._umap import umap

__all__ = [
    "umap",
]
