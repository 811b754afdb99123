"""Communities of the neighbour graph."""

from __future__ import annotations

import numpy as np

from . import step
from .neighbors import brisc_cells


def _modularity(adata, labels) -> dict[str, float]:
    weights = adata.obsp["connectivities"].tocoo()
    labels = np.unique(np.asarray(labels), return_inverse=True)[1]
    inside = weights.data[labels[weights.row] == labels[weights.col]].sum(dtype=np.float64)
    strengths = np.bincount(labels[weights.row], weights=weights.data)
    total = weights.data.sum(dtype=np.float64)
    return {"modularity": inside / total - ((strengths / total) ** 2).sum()}


def _igraph_leiden(adata, module):
    def judge():
        return _modularity(adata, adata.obs["leiden"])

    return lambda: module.tl.leiden(adata, flavor="igraph", n_iterations=2), judge


@step("leiden", tool="cellweave", data="neighbor_graph", cells=(50_000, 200_000))
def leiden_cellweave(adata):
    import cellweave as cw

    return _igraph_leiden(adata, cw)


@step("leiden", tool="scanpy", data="neighbor_graph", cells=(50_000, 200_000))
def leiden_scanpy(adata):
    import scanpy as sc

    return _igraph_leiden(adata, sc)


@step("leiden", tool="autozyme", data="neighbor_graph", cells=(50_000, 200_000), warm_up=True)
def leiden_autozyme(adata):
    import autozyme
    import scanpy as sc

    autozyme.activate("scanpy")
    return _igraph_leiden(adata, sc)


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
    return lambda: crest.tl.leiden(frame, n_iterations=2), lambda: _modularity(adata, frame.obs["leiden"])


@step("leiden", tool="brisc", data="neighbor_graph", cells=(50_000, 200_000))
def leiden_brisc(adata):
    """On the same graph, in the place of brisc's own of shared neighbours; it adds a loop of weight 1 to every cell."""
    cells = brisc_cells(
        adata,
        obsm={"neighbors": adata.obsp["distances"].indices.reshape(adata.n_obs, -1).astype(np.uint32)},
        obsp={"shared_neighbors": adata.obsp["connectivities"]},
    )
    found = []

    def cluster():
        found[:] = [cells.cluster(QC_column=None, min_cluster_size=1).obs["cluster"].to_numpy()]

    return cluster, lambda: _modularity(adata, found[0])


@step("louvain", tool="cellweave", data="neighbor_graph")
def louvain_cellweave(adata):
    import cellweave as cw

    return lambda: cw.tl.louvain(adata, flavor="igraph", use_weights=True)


@step("louvain", tool="scanpy", data="neighbor_graph")
def louvain_scanpy(adata):
    import scanpy as sc

    return lambda: sc.tl.louvain(adata, flavor="igraph", use_weights=True)
