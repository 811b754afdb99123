"""Principal components of variable genes: dense and scaled, sparse, and scaled without leaving the sparse matrix."""

from __future__ import annotations

import importlib

from . import step

DENSE = "50 components of scaled genes, dense"
IMPLICIT = "scale, max 10, and 50 components, from sparse"
REGRESSED = "50 components of regressed genes, dense"
SPARSE = "50 components of genes, sparse"


def _scanpy():
    return importlib.import_module("scanpy")


def _autozyme():
    importlib.import_module("autozyme").activate("scanpy")
    return _scanpy()


def _cellweave():
    return importlib.import_module("cellweave")


TOOLS = {"cellweave": _cellweave, "scanpy": _scanpy, "autozyme": _autozyme}


def _every_tool(name: str):
    """Registers a step of functions that go by scanpy's names: ``prepare(adata, module)``. scanpy's own takes most of a
    minute and compiles nothing: it is not warmed up.
    """

    def register(prepare):
        for tool, load in TOOLS.items():

            def prepared(adata, load=load):
                return prepare(adata, load())

            prepared.__module__ = prepare.__module__
            step(name, tool=tool, data="variable_genes", warm_up=tool == "autozyme")(prepared)
        return prepare

    return register


@_every_tool(DENSE)
def dense(adata, module):
    module.pp.scale(adata, max_value=10)
    return lambda: module.pp.pca(adata, n_comps=50)


@_every_tool(REGRESSED)
def regressed(adata, module):
    """No value occurs twice: nothing is left of the zeros that made the counts sparse."""
    module.pp.regress_out(adata, ["library_size"])
    return lambda: module.pp.pca(adata, n_comps=50)


@_every_tool(SPARSE)
def plain(adata, module):
    return lambda: module.pp.pca(adata, n_comps=50)


@step(IMPLICIT, tool="cellweave", data="variable_genes")
def implicit(adata):
    module = _cellweave()
    return lambda: module.pp.pca(adata, n_comps=50, scale=True, max_value=10)


def _in_two_calls(adata, module):
    def call():
        module.pp.scale(adata, max_value=10)
        module.pp.pca(adata, n_comps=50)

    return call


@step(IMPLICIT, tool="scanpy", data="variable_genes")
def implicit_scanpy(adata):
    return _in_two_calls(adata, _scanpy())


@step(IMPLICIT, tool="autozyme", data="variable_genes", warm_up=True)
def implicit_autozyme(adata):
    return _in_two_calls(adata, _autozyme())
