"""How neighbours, communities and UMAP grow with the cells, to a million; t-SNE at the perplexity of the protocol."""

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


@step("tsne, perplexity 1,200", tool="cellweave", data="mixture_graph", cells=(100_000,))
def tsne(adata):
    """With every sixth of 3,600 neighbours: see the docstring."""
    import cellweave as cw

    def judge():
        return {"own KL": float(adata.uns["tsne"]["kl_divergence"])}

    return lambda: cw.tl.tsne(adata, use_rep="X_pca", perplexity=1200, learning_rate="auto"), judge
