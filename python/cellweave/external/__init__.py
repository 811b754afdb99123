"""Methods of other packages, as ``scanpy.external``."""

from . import pp

__all__ = ["pp"]
