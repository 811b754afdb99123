"""Preprocessing by other packages' methods, as ``scanpy.external.pp``."""

__all__: list[str] = []
