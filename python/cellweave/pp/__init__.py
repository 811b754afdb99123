"""Preprocessing, as ``scanpy.pp``."""

from ._neighbors import neighbors

__all__ = ["neighbors"]
