"""Preprocessing, as ``scanpy.pp``."""

__all__: list[str] = []
