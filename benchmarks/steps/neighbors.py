"""The neighbour graph, its search alone, and the batch-balanced graph."""

from __future__ import annotations

import numpy as np

from . import step

#: Neighbours of a cell, itself included.
K = 15


def _recall(points: np.ndarray, found: np.ndarray, pools: np.ndarray, k: int, n_cells: int) -> dict[str, float]:
    """Share of the ``k`` nearest others of every pool that were found, on some cells; a cell is one of its own pool's.

    Compared by distance, so that ties do not count.
    """
    points = np.asarray(points, dtype=np.float64)
    members = {pool: np.flatnonzero(pools == pool) for pool in np.unique(pools)}
    hits = total = 0
    for cell in np.random.RandomState(0).permutation(len(points))[:n_cells]:
        distances = np.linalg.norm(points - points[cell], axis=1)
        distances[cell] = np.inf
        others = found[cell][found[cell] != cell]
        for pool, of_pool in members.items():
            n_wanted = k - (pools[cell] == pool)
            bound = np.partition(distances[of_pool], n_wanted - 1)[n_wanted - 1] * (1 + 1e-6)
            near = others[pools[others] == pool][:n_wanted]
            hits += (distances[near] <= bound).sum()
            total += n_wanted
    return {"recall": hits / total}


def _recall_of_all(points: np.ndarray, found: np.ndarray) -> dict[str, float]:
    return _recall(points, found, np.zeros(len(points)), K, n_cells=1000)


def _rows(matrix) -> list[np.ndarray]:
    return np.split(matrix.indices, matrix.indptr[1:-1])


def _graph(adata, module):
    def judge():
        return _recall_of_all(adata.obsm["X_pca"], _rows(adata.obsp["distances"]))

    return lambda: module.pp.neighbors(adata, K, use_rep="X_pca"), judge


@step("neighbors", tool="cellweave", data="neighbor_graph")
def neighbors_cellweave(adata):
    import cellweave as cw

    return _graph(adata, cw)


@step("neighbors", tool="scanpy", data="neighbor_graph", warm_up=True)
def neighbors_scanpy(adata):
    import scanpy as sc

    return _graph(adata, sc)


@step("neighbors", tool="autozyme", data="neighbor_graph", warm_up=True)
def neighbors_autozyme(adata):
    import autozyme
    import scanpy as sc

    autozyme.activate("scanpy")
    return _graph(adata, sc)


@step("neighbors", tool="crest-sc", data="neighbor_graph", warm_up=True)
def neighbors_crest(adata):
    import crest

    frame = crest.BioFrame.from_scipy(adata.X)
    frame.obsm["X_pca"] = adata.obsm["X_pca"]

    def judge():
        return _recall_of_all(adata.obsm["X_pca"], np.asarray(frame.uns["neighbors"]["indices"]))

    return lambda: crest.pp.neighbors(frame, K), judge


def brisc_cells(adata, *, obsm=None, obsp=None):
    """brisc's object, with the components and what else is given."""
    import polars as pl
    from brisc import SingleCell

    return SingleCell(
        X=adata.X,
        obs=pl.DataFrame({"cell": list(adata.obs_names)}),
        var=pl.DataFrame({"gene": list(adata.var_names)}),
        obsm={"pca": adata.obsm["X_pca"], **(obsm or {})},
        obsp=obsp or {},
    )


def _brisc_search(adata, *, shared: bool):
    cells = brisc_cells(adata)
    found = []

    def call():
        near = cells.neighbors(QC_column=None, num_neighbors=K - 1)
        found[:] = [near.shared_neighbors(QC_column=None) if shared else near]

    def judge():
        return _recall_of_all(adata.obsm["X_pca"], found[0].obsm["neighbors"])

    return call, judge


@step("neighbors", tool="brisc", data="neighbor_graph", warm_up=True)
def neighbors_brisc(adata):
    """Its graph is the one of shared neighbours."""
    return _brisc_search(adata, shared=True)


@step("neighbors, search alone", tool="cellweave", data="neighbor_graph")
def search_cellweave(adata):
    from cellweave.neighbors import knn

    found = []

    def call():
        found[:] = knn(adata.obsm["X_pca"], K)

    return call, lambda: _recall_of_all(adata.obsm["X_pca"], found[0])


@step("neighbors, search alone", tool="brisc", data="neighbor_graph", warm_up=True)
def search_brisc(adata):
    return _brisc_search(adata, shared=False)


def _batch_graph(adata, bbknn):
    """With bbknn's default of three neighbours in every batch."""

    def judge():
        found, batches = _rows(adata.obsp["distances"]), adata.obs["batch"].to_numpy()
        return _recall(adata.obsm["X_pca"], found, batches, 3, n_cells=500)

    return lambda: bbknn(adata), judge


@step("bbknn", tool="cellweave", data="neighbor_graph")
def bbknn_cellweave(adata):
    import cellweave as cw

    return _batch_graph(adata, cw.external.pp.bbknn)


@step("bbknn", tool="bbknn", data="neighbor_graph", warm_up=True)
def bbknn_original(adata):
    """By Annoy, as it comes."""
    import bbknn

    return _batch_graph(adata, bbknn.bbknn)
