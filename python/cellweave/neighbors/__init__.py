"""Nearest neighbours for every consumer: arrays in, arrays out, and a scikit-learn-style transformer."""

from ._knn import knn
from ._transformer import KNNTransformer

__all__ = ["KNNTransformer", "knn"]
