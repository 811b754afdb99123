"""Picking the graph of cells that a call works on, as scanpy does."""

from __future__ import annotations

from typing import Any

from anndata import AnnData
from scipy import sparse

from . import _arrays

NOT_COMPUTED = "You need to run `pp.neighbors` first to compute a neighborhood graph."


def connectivities(adata: AnnData, *, obsp: str | None = None, neighbors_key: str | None = None) -> tuple[Any, str]:
    """The graph that ``obsp`` or ``neighbors_key`` names (default: that of ``pp.neighbors``), and what to call it.

    Raises
    ------
    ValueError
        If both are given, or no neighbours have been computed.
    KeyError
        If ``obsp`` or ``neighbors_key`` names nothing; the message lists what there is.
    """
    if obsp is not None and neighbors_key is not None:
        raise ValueError("You can't specify both obsp, neighbors_key. Please select only one.")
    if obsp is not None:
        if obsp not in adata.obsp:
            raise KeyError(f"obsp '{obsp}' not found; adata.obsp has {sorted(adata.obsp)}.")
        return adata.obsp[obsp], f"adata.obsp['{obsp}']"
    return _stored(adata, neighbors_key, "connectivities")


def distances(adata: AnnData, *, neighbors_key: str | None = None) -> tuple[Any, str]:
    """The distances to the neighbours that ``pp.neighbors`` found, and what to call them.

    Raises
    ------
    ValueError, KeyError
        As :func:`connectivities`.
    """
    return _stored(adata, neighbors_key, "distances")


def of_neighbors(adata: AnnData, neighbors_key: str | None, *, otherwise: str) -> Any:
    """What ``pp.neighbors`` wrote to ``uns``; a ValueError that says ``otherwise`` where it has not run."""
    key = _key(neighbors_key)
    if key not in adata.uns:
        raise ValueError(otherwise)
    return adata.uns[key]


def _key(neighbors_key: str | None) -> str:
    return "neighbors" if neighbors_key is None else neighbors_key


def _stored(adata: AnnData, neighbors_key: str | None, kind: str) -> tuple[Any, str]:
    if neighbors_key is not None and neighbors_key not in adata.uns:
        raise KeyError(f"neighbors_key '{neighbors_key}' not found; adata.uns has {sorted(adata.uns)}.")
    stored = adata.uns.get(_key(neighbors_key), {})
    key = stored.get(f"{kind}_key", kind)
    if key in adata.obsp and stored:
        return adata.obsp[key], f"adata.obsp['{key}']"
    if kind in stored:  # where scanpy kept it before version 1.5
        return stored[kind], f"adata.uns['{neighbors_key or 'neighbors'}']['{kind}']"
    raise ValueError(NOT_COMPUTED)


def square(graph: Any, n_cells: int, name: str) -> Any:
    """``graph`` as a sparse matrix, if it is of the right size, cells x cells."""
    graph = _arrays.checked(graph, name)
    if not _arrays.is_sparse(graph):
        graph = sparse.csr_matrix(graph)
    if graph.shape != (n_cells, n_cells):
        raise ValueError(
            f"{name} is {graph.shape[0]} x {graph.shape[1]}; expected {n_cells} x {n_cells}, cells x cells."
        )
    return graph


def sound(graph: tuple[Any, str], n_cells: int) -> Any:
    """:func:`square` of a graph and its name, with its structure checked: for scipy, which trusts it."""
    matrix, name = graph
    return _arrays.sound(square(matrix, n_cells, name), name)
