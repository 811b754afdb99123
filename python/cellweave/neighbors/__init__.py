"""Nearest neighbours for every consumer: arrays in, arrays out, and a scikit-learn-style transformer."""

from ._knn import EXACT_UP_TO, knn
from ._transformer import KNNTransformer

__all__ = ["EXACT_UP_TO", "KNNTransformer", "knn"]
