"""PAGA: the graph of groups of cells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse
from scipy.sparse.csgraph import minimum_spanning_tree

from .. import _anndata, _graphs
from .._compat import old_positionals
from ..settings import logger


@old_positionals("use_rna_velocity", "model", "neighbors_key", "copy")
def paga(
    adata: AnnData,
    groups: str | None = None,
    *,
    use_rna_velocity: bool = False,
    model: Literal["v1.2", "v1.0"] = "v1.2",
    neighbors_key: str | None = None,
    copy: bool = False,
) -> AnnData | None:
    """Tell how strongly groups of cells are connected: partition-based graph abstraction.

    Parity: exact (``scanpy.tl.paga``), without igraph, and also where no edge leads from one group to another.

    Parameters
    ----------
    adata
        Cells x genes, with a neighbour graph from ``pp.neighbors``.
    groups
        Categories in ``adata.obs``. Default: 'leiden', else 'louvain'.
    use_rna_velocity
        Orient the edges by ``adata.uns['velocity_graph']``, a sparse matrix, cells x cells, of RNA velocity.
    model
        'v1.2' compares the edges between two groups with those of randomly joined groups; 'v1.0' with the geometric
        mean of the groups' edges.
    neighbors_key
        Use the graph that ``pp.neighbors(key_added=...)`` wrote under this key.
    copy
        Write to a copy and return it.

    Returns
    -------
    ``None``, or the copy. Written: ``uns['paga']`` with groups, connectivities (CSR, groups x groups, float64) and
    connectivities_tree (the tree of the strongest ones), or transitions_confidence with RNA velocity;
    ``uns['<groups>_sizes']``. Strings in ``obs`` become categories.

    Raises
    ------
    ValueError
        No neighbours, groups or velocity computed; cells without a group; an unknown model; a matrix of the wrong size.
    KeyError
        ``groups`` is not a column.

    Notes
    -----
    Wolf and others (2019), PAGA: graph abstraction reconciles clustering with trajectory inference through a topology
    preserving map of single cells.
    """
    with _anndata.transaction(adata, copy=copy) as target:
        source = target.adata
        neighbors = _graphs.of_neighbors(source, neighbors_key, otherwise=_graphs.NOT_COMPUTED)
        name = _groups_key(source, groups)
        group_of_cell, sizes = _members(source, name)
        logger.info("running PAGA")
        found: dict[str, Any] = {}
        if use_rna_velocity:
            found["transitions_confidence"] = _transitions(source, group_of_cell, sizes, neighbors)
        else:
            found["connectivities"], found["connectivities_tree"] = _connectivities(
                source, group_of_cell, sizes, model, neighbors_key, neighbors
            )
            target.uns[f"{name}_sizes"] = sizes
        target.uns["paga"] = {**source.uns.get("paga", {}), **found, "groups": name}
        logger.info("    finished: added\n%s", "\n".join(f"    'paga/{key}' (adata.uns)" for key in found))
    target.adata.strings_to_categoricals()
    return target.adata if copy else None


def _groups_key(adata: AnnData, groups: str | None) -> str:
    if groups is None:
        groups = next((key for key in ("leiden", "louvain") if key in adata.obs), None)
        if groups is None:
            raise ValueError(
                "You need to run `tl.leiden` or `tl.louvain` to compute community labels, "
                "or specify `groups='an_existing_key'`"
            )
    elif groups not in adata.obs:
        raise KeyError(f"`groups` key {groups!r} not found in `adata.obs`; it has {list(adata.obs.columns)}.")
    return groups


def _members(adata: AnnData, groups: str) -> tuple[np.ndarray, np.ndarray]:
    """The group of every cell as a number, and the sizes of the groups up to the last one that has cells."""
    codes = pd.Categorical(adata.obs[groups]).codes
    if (codes < 0).any():
        raise ValueError(f"groups: {int((codes < 0).sum())} cells have no category in adata.obs['{groups}'].")
    return codes.astype(np.int64), np.bincount(codes)


def _edges_between(graph: Any, group_of_cell: np.ndarray, n_groups: int) -> np.ndarray:
    """How many stored entries lead from each group to each."""
    entries = graph.tocoo()
    pairs = group_of_cell[entries.row] * n_groups + group_of_cell[entries.col]
    return np.bincount(pairs, minlength=n_groups**2).reshape(n_groups, n_groups).astype(np.float64)


def _connectivities(
    adata: AnnData,
    group_of_cell: np.ndarray,
    sizes: np.ndarray,
    model: str,
    neighbors_key: str | None,
    neighbors: Mapping[str, Any],
) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    if model == "v1.2":
        graph = _graphs.sound(_graphs.distances(adata, neighbors_key=neighbors_key), adata.n_obs)
        edges = _edges_between(graph, group_of_cell, len(sizes))
        both_ways = edges + edges.T
        of_group = edges.sum(axis=1)  # those within it, and those that leave it
        at_random = np.outer(of_group, sizes)
        at_random = (at_random + at_random.T) / max(len(group_of_cell) - 1, 1)
        strengths = np.minimum(np.divide(both_ways, at_random, out=np.ones_like(edges), where=at_random > 0), 1)
        tree_by = strengths
    elif model == "v1.0":
        graph = _graphs.sound(_graphs.connectivities(adata, neighbors_key=neighbors_key), adata.n_obs)
        edges = _edges_between(graph, group_of_cell, len(sizes))
        both_ways = (edges + edges.T) / 2
        n_neighbors = neighbors["params"]["n_neighbors"]
        means = np.sqrt(n_neighbors**2 * np.outer(sizes, sizes).astype(np.float64))
        strengths = np.divide(both_ways, means, out=np.ones_like(edges), where=means > 0)
        tree_by = both_ways
    else:
        raise ValueError(f"`model` {model} needs to be one of 'v1.2', 'v1.0'.")
    np.fill_diagonal(both_ways, 0)
    strengths = np.where(both_ways > 0, strengths, 0)
    return sparse.csr_matrix(strengths), _tree(strengths, np.where(both_ways > 0, tree_by, 0))


def _tree(strengths: np.ndarray, weights: np.ndarray) -> sparse.csr_matrix:
    """The connectivities on the tree (or trees) of the largest weights."""
    lengths = sparse.csr_matrix(weights)
    lengths.data = 1.0 / lengths.data
    chosen = minimum_spanning_tree(lengths).tocoo()
    values = strengths[chosen.row, chosen.col]
    tree = sparse.csr_matrix((values, (chosen.row, chosen.col)), shape=strengths.shape)
    tree.sort_indices()
    return tree


def _transitions(
    adata: AnnData, group_of_cell: np.ndarray, sizes: np.ndarray, neighbors: Mapping[str, Any]
) -> sparse.csr_matrix:
    """Entry (i, j) says how many more velocities lead from group j to group i than back."""
    stored = adata.uns.get("velocity_graph", adata.uns.get("velocyto_transitions"))
    if stored is None:
        raise ValueError(
            "The passed AnnData needs to have an `uns` annotation with key 'velocity_graph' - "
            "a sparse matrix from RNA velocity."
        )
    graph = _graphs.sound((stored, "adata.uns['velocity_graph']"), adata.n_obs).tocoo()
    graph.eliminate_zeros()
    edges = _edges_between(graph, group_of_cell, len(sizes))
    n_neighbors = neighbors["params"]["n_neighbors"]
    means = np.sqrt(np.outer(n_neighbors * sizes, n_neighbors * sizes).astype(np.float64))
    surplus = edges - edges.T
    confidence = np.divide(surplus, means, out=np.zeros_like(edges), where=surplus > 0)
    return sparse.csr_matrix(confidence.T)
