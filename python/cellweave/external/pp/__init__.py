"""Preprocessing by other packages' methods, as ``scanpy.external.pp``."""

from ._scanorama_integrate import scanorama_integrate

__all__ = ["scanorama_integrate"]
