"""Data to try things on, made on the spot: nothing is downloaded."""

from ._panorama import panorama
from ._synthetic import synthetic_counts

__all__ = ["panorama", "synthetic_counts"]
