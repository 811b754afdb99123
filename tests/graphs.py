"""AnnData with a neighbour graph, for tests of what works on graphs."""

from __future__ import annotations

import anndata
import numpy as np
from scipy import sparse


def with_graph(adata: anndata.AnnData, connectivities, key: str = "neighbors") -> anndata.AnnData:
    """``adata`` with the graph where ``pp.neighbors`` would have put it."""
    prefix = "" if key == "neighbors" else f"{key}_"
    adata.obsp[f"{prefix}connectivities"] = connectivities
    adata.uns[key] = {
        "connectivities_key": f"{prefix}connectivities",
        "distances_key": f"{prefix}distances",
        "params": {"n_neighbors": 15, "method": "umap"},
    }
    return adata


def planted_graph(n_blocks: int, block_size: int, inside: float, outside: float, seed: int = 0) -> sparse.csr_matrix:
    """A symmetric graph with blocks of ``block_size`` consecutive cells: edges with probability inside or outside."""
    rng = np.random.default_rng(seed)
    block = np.repeat(np.arange(n_blocks), block_size)
    probability = np.where(block[:, None] == block[None, :], inside, outside)
    upper = np.triu(rng.random(probability.shape) < probability, k=1) * rng.uniform(0.2, 1.0, probability.shape)
    return sparse.csr_matrix(upper + upper.T, dtype=np.float32)


def planted(n_blocks: int = 6, block_size: int = 40, inside: float = 0.3, outside: float = 0.02, seed: int = 0):
    """Cells in ``n_blocks`` planted communities, named in ``obs['block']``."""
    graph = planted_graph(n_blocks, block_size, inside, outside, seed)
    adata = anndata.AnnData(sparse.csr_matrix((graph.shape[0], 1), dtype=np.float32))
    adata.obs_names = [f"cell_{k}" for k in range(adata.n_obs)]
    adata.obs["block"] = np.repeat([f"b{k}" for k in range(n_blocks)], block_size)
    adata.obs["block"] = adata.obs["block"].astype("category")
    return with_graph(adata, graph)


def n_connected_parts(graph, labels) -> int:
    """Connected parts of the graph when only edges within one label are left."""
    edges = sparse.coo_matrix(graph)
    codes = np.unique(np.asarray(labels), return_inverse=True)[1]
    within = (codes[edges.row] == codes[edges.col]) & (edges.data != 0)
    inside = sparse.coo_matrix((edges.data[within], (edges.row[within], edges.col[within])), graph.shape)
    return sparse.csgraph.connected_components(inside, directed=False)[0]


def modularity(graph, labels, resolution: float = 1.0) -> float:
    """The definition: sum over communities of weight inside / total - resolution (strength / total)^2."""
    total = graph.sum()
    strengths = np.asarray(graph.sum(axis=1)).ravel()
    codes = np.unique(np.asarray(labels), return_inverse=True)[1]
    members = sparse.csr_matrix((np.ones(len(codes)), (codes, np.arange(len(codes)))))
    inside = (members @ graph.astype(np.float64) @ members.T).diagonal()
    return float((inside / total - resolution * (members @ strengths / total) ** 2).sum())


def potts(graph, labels, resolution: float) -> float:
    """The constant Potts model: sum over communities of weight inside - resolution n^2."""
    codes = np.unique(np.asarray(labels), return_inverse=True)[1]
    members = sparse.csr_matrix((np.ones(len(codes)), (codes, np.arange(len(codes)))))
    inside = (members @ graph.astype(np.float64) @ members.T).diagonal()
    return float((inside - resolution * np.bincount(codes) ** 2.0).sum())
