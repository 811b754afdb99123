"""The version of the installed package."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("cellweave")
except PackageNotFoundError:  # a source tree that was built in place
    __version__ = "0+unknown"
