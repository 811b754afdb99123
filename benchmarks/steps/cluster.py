"""Communities of the neighbour graph."""

from __future__ import annotations

import numpy as np

from . import step


@step("leiden", tool="cellweave", data="neighbor_graph", cells=(50_000, 200_000))
def leiden_cellweave(adata):
    import cellweave as cw

    return lambda: cw.tl.leiden(adata, flavor="igraph", n_iterations=2)


@step("leiden", tool="scanpy", data="neighbor_graph", cells=(50_000, 200_000))
def leiden_scanpy(adata):
    import scanpy as sc

    return lambda: sc.tl.leiden(adata, flavor="igraph", n_iterations=2)


@step("leiden", tool="autozyme", data="neighbor_graph", cells=(50_000, 200_000), warm_up=True)
def leiden_autozyme(adata):
    import autozyme
    import scanpy as sc

    autozyme.activate("scanpy")
    return lambda: sc.tl.leiden(adata, flavor="igraph", n_iterations=2)


@step("leiden", tool="crest-sc", data="neighbor_graph", cells=(50_000, 200_000))
def leiden_crest(adata):
    import crest
    from scipy import sparse

    edges = sparse.triu(adata.obsp["connectivities"], k=1).tocoo()
    frame = crest.BioFrame.from_scipy(adata.X)
    frame.uns["neighbors"] = {
        "rows": edges.row.astype(np.uint32),
        "cols": edges.col.astype(np.uint32),
        "weights": edges.data.astype(np.float32),
    }
    return lambda: crest.tl.leiden(frame, n_iterations=2)


@step("leiden", tool="brisc", data="neighbor_graph", cells=(50_000, 200_000))
def leiden_brisc(adata):
    """On the graph of shared neighbours that brisc makes of the same neighbours; it takes no other."""
    import polars as pl
    from brisc import SingleCell

    cells = SingleCell(
        X=adata.X,
        obs=pl.DataFrame({"cell": list(adata.obs_names)}),
        var=pl.DataFrame({"gene": list(adata.var_names)}),
        obsm={"neighbors": adata.obsp["distances"].indices.reshape(adata.n_obs, -1).astype(np.uint32)},
    )
    cells = cells.shared_neighbors(QC_column=None)
    return lambda: cells.cluster(QC_column=None, min_cluster_size=1)


@step("louvain", tool="cellweave", data="neighbor_graph")
def louvain_cellweave(adata):
    import cellweave as cw

    return lambda: cw.tl.louvain(adata, flavor="igraph", use_weights=True)


@step("louvain", tool="scanpy", data="neighbor_graph")
def louvain_scanpy(adata):
    import scanpy as sc

    return lambda: sc.tl.louvain(adata, flavor="igraph", use_weights=True)
