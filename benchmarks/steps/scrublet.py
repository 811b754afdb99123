"""Doublets."""

from __future__ import annotations

import importlib

from . import step


@step("scrublet", tool="cellweave", data="counts", cells=(10_000,))
def scrublet(adata):
    module = importlib.import_module("cellweave")
    return lambda: module.pp.scrublet(adata)


@step("scrublet", tool="scanpy", data="counts", cells=(10_000,))
def scrublet_scanpy(adata):
    """Not warmed up, for it takes most of a minute; what its neighbour search compiles at first use is cached."""
    module = importlib.import_module("scanpy")
    return lambda: module.pp.scrublet(adata)
