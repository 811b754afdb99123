"""Tools, as ``scanpy.tl``."""

from ..pp._pca import pca

__all__ = ["pca"]
