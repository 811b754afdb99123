"""Tools, as ``scanpy.tl``."""

from ._leiden import leiden
from ._louvain import louvain

__all__ = [
    "leiden",
    "louvain",
]
