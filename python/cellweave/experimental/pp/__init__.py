"""Experimental preprocessing, as ``scanpy.experimental.pp``."""

__all__: list[str] = []
