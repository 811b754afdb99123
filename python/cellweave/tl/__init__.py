"""Tools, as ``scanpy.tl``."""

__all__: list[str] = []
