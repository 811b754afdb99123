"""How neighbours, communities and UMAP grow with the cells, to a million."""

from __future__ import annotations

from . import step

SIZES = (100_000, 300_000, 1_000_000)


@step("neighbors", tool="cellweave", data="mixture_graph", cells=SIZES)
def neighbors(adata):
    import cellweave as cw

    return lambda: cw.pp.neighbors(adata, use_rep="X_pca")


@step("leiden", tool="cellweave", data="mixture_graph", cells=SIZES)
def leiden(adata):
    import cellweave as cw

    return lambda: cw.tl.leiden(adata, flavor="igraph", n_iterations=2)


@step("umap", tool="cellweave", data="mixture_graph", cells=SIZES)
def umap(adata):
    import cellweave as cw

    return lambda: cw.tl.umap(adata)
