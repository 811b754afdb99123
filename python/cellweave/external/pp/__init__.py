"""Preprocessing by other packages' methods, as ``scanpy.external.pp``."""

from ._bbknn import bbknn
from ._scanorama_integrate import scanorama_integrate

__all__ = ["bbknn", "scanorama_integrate"]
