"""Principal components of variable genes: dense and scaled, sparse, and scaled without leaving the sparse matrix."""

from __future__ import annotations

import importlib

from . import BOTH, same_step, step

DENSE = "50 components of scaled genes, dense"
IMPLICIT = "scale, max 10, and 50 components, from sparse"
REGRESSED = "50 components of regressed genes, dense"
SPARSE = "50 components of genes, sparse"


def _autozyme():
    importlib.import_module("autozyme").activate("scanpy")
    return BOTH["scanpy"]()


#: scanpy's own takes most of a minute and compiles nothing: it is not warmed up.
ALL = {"tools": {**BOTH, "autozyme": _autozyme}, "data": "variable_genes", "warm_up": ("autozyme",)}


@same_step(DENSE, **ALL)
def dense(adata, module):
    module.pp.scale(adata, max_value=10)
    return lambda: module.pp.pca(adata, n_comps=50)


@same_step(REGRESSED, **ALL)
def regressed(adata, module):
    """No value occurs twice: nothing is left of the zeros that made the counts sparse."""
    module.pp.regress_out(adata, ["library_size"])
    return lambda: module.pp.pca(adata, n_comps=50)


@same_step(SPARSE, **ALL)
def plain(adata, module):
    return lambda: module.pp.pca(adata, n_comps=50)


@step(IMPLICIT, tool="cellweave", data="variable_genes")
def implicit(adata):
    module = BOTH["cellweave"]()
    return lambda: module.pp.pca(adata, n_comps=50, scale=True, max_value=10)


def _in_two_calls(adata, module):
    def call():
        module.pp.scale(adata, max_value=10)
        module.pp.pca(adata, n_comps=50)

    return call


@step(IMPLICIT, tool="scanpy", data="variable_genes")
def implicit_scanpy(adata):
    return _in_two_calls(adata, BOTH["scanpy"]())


@step(IMPLICIT, tool="autozyme", data="variable_genes", warm_up=True)
def implicit_autozyme(adata):
    return _in_two_calls(adata, _autozyme())
