"""Diffusion maps of the neighbour graph."""

from __future__ import annotations

from typing import Any

import numpy as np
from anndata import AnnData
from scipy.sparse.csgraph import connected_components

from .. import _anndata, _arrays, _checks, _graphs, _progress
from .._compat import old_positionals
from .._core import engine
from .._seeds import RandomState, seed_of
from ..settings import logger, settings


@old_positionals("neighbors_key", "random_state", "copy")
def diffmap(
    adata: AnnData,
    n_comps: int = 15,
    *,
    neighbors_key: str | None = None,
    random_state: RandomState = 0,
    copy: bool = False,
) -> AnnData | None:
    """Place the cells by the slowest steps of a random walk on their neighbour graph: diffusion maps.

    Parity: same subspace (``scanpy.tl.diffmap``; eigenvalues within 1e-5), computed in float64. Signs: the entry of a
    component that is largest in absolute value is positive; scanpy's are those that its iteration ends with. The same
    bytes at any thread count. Memory: up to 120 numbers of 8 bytes a cell for 15 components.

    Parameters
    ----------
    adata
        Cells x genes, with a neighbour graph from ``pp.neighbors``.
    n_comps
        Components to compute, at least 3; at most one less than there are cells.
    neighbors_key
        Use the graph that ``pp.neighbors(key_added=...)`` wrote under this key.
    random_state
        Seed of the vectors that the iteration starts from: the last digits depend on it.
    copy
        Write to a copy and return it.

    Returns
    -------
    ``None``, or the copy. Written: ``obsm['X_diffmap']``, float32, cells x n_comps, of which component 0 is the steady
    state of the walk and tells nothing; ``uns['diffmap_evals']``, float32, the eigenvalues, falling.

    Raises
    ------
    ValueError
        No neighbours computed; ``n_comps`` below 3; weights that are negative, NaN, infinite or not symmetric.

    Notes
    -----
    Coifman and Lafon (2006), Diffusion maps; Haghverdi, Buettner and Theis (2015), Diffusion maps for high-dimensional
    single-cell analysis of differentiation data.
    """
    n_comps = _checks.whole(n_comps, "n_comps", at_least=0)
    if n_comps <= 2:
        raise ValueError("Provide any value greater than 2 for `n_comps`. ")
    seed = seed_of(random_state)
    with _anndata.transaction(adata, copy=copy) as target:
        logger.info("computing Diffusion Maps using n_comps=%d(=n_dcs)", n_comps)
        values, basis = diffusion_map(target.adata, n_comps, neighbors_key, seed)
        target.obsm["X_diffmap"] = basis
        target.uns["diffmap_evals"] = values
        logger.info(
            "    finished: added\n    'X_diffmap', diffmap coordinates (adata.obsm)\n"
            "    'diffmap_evals', eigenvalues of transition matrix (adata.uns)"
        )
    return target.adata if copy else None


def diffusion_map(adata: AnnData, n_comps: int, neighbors_key: str | None, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The eigenvalues of the graph's transitions, and their vectors as columns, float32."""
    _graphs.of_neighbors(adata, neighbors_key, otherwise=_graphs.NOT_COMPUTED)
    graph = _graphs.connectivities(adata, neighbors_key=neighbors_key)
    weights, name = _graphs.sound(graph, adata.n_obs), graph[1]
    _require_symmetric(weights, name)
    with _progress.bars(settings.verbosity >= 2):
        values, vectors, has_converged = engine.diffusion_map(
            _arrays.csr(weights, name), min(adata.n_obs - 1, n_comps), seed, settings.n_threads
        )
    if not has_converged:
        logger.warning("some eigenvectors of the transition matrix are rough: their eigenvalues all but coincide")
    logger.info("    eigenvalues of transition matrix\n    %s", values.astype(np.float32))
    if connected_components(weights, directed=False, return_labels=False) > len(values) / 2:
        logger.warning("Transition matrix has many disconnected components!")
    return values.astype(np.float32), vectors.astype(np.float32)


def _require_symmetric(weights: Any, name: str) -> None:
    _arrays.require_finite(weights, name)
    if weights.nnz and weights.data.min() < 0:
        raise ValueError(f"{name} holds negative weights; transitions need weights of at least 0.")
    difference = abs(weights - weights.T)
    if difference.nnz and difference.max() > 1e-5 * weights.max():
        raise ValueError(f"{name} is not symmetric. Use a graph of pp.neighbors, or (graph + graph.T) / 2.")
