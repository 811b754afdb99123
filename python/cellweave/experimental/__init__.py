"""Methods on trial, as ``scanpy.experimental``."""

from . import pp

__all__ = ["pp"]
