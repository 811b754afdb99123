"""Diffusion pseudotime."""

from __future__ import annotations

import numpy as np
from anndata import AnnData
from scipy.sparse.csgraph import connected_components

from .. import _anndata, _arrays, _checks, _graphs
from .._compat import old_positionals
from ..settings import logger
from ._diffmap import diffusion_map

#: Eigenvalues from here on count as 1, that is as steady states: what float32 leaves of 1 after an iteration.
_STEADY = 0.9994


@old_positionals("n_branchings", "min_group_size", "allow_kendall_tau_shift", "neighbors_key", "copy")
def dpt(
    adata: AnnData,
    n_dcs: int = 10,
    *,
    n_branchings: int = 0,
    min_group_size: float = 0.01,
    allow_kendall_tau_shift: bool = True,
    neighbors_key: str | None = None,
    copy: bool = False,
) -> AnnData | None:
    """Order the cells by how far a random walk on the neighbour graph has to go from a root cell: diffusion pseudotime.

    Parity: exact given the same diffusion map (``scanpy.tl.dpt``, float32 rounding). The root is the number of a cell
    in ``adata.uns['iroot']``, or the cell whose expression is closest to ``adata.uns['xroot']`` or
    ``adata.var['xroot']``.

    Parameters
    ----------
    adata
        Cells x genes, with a neighbour graph from ``pp.neighbors``, and a diffusion map from ``tl.diffmap`` (else it is
        computed with 15 components).
    n_dcs
        Components of the diffusion map to use.
    n_branchings
        0. Detecting branchings by the distances is not covered: use ``tl.paga``.
    min_group_size, allow_kendall_tau_shift
        Of the detection of branchings: no effect.
    neighbors_key
        Use the graph that ``pp.neighbors(key_added=...)`` wrote under this key.
    copy
        Write to a copy and return it.

    Returns
    -------
    ``None``, or the copy. Written: ``obs['dpt_pseudotime']``, float32, 0 at the root and 1 at the farthest cell that
    can be reached, infinite in other components of the graph; ``uns['iroot']``. Without a root nothing but the
    diffusion map, with a warning.

    Raises
    ------
    ValueError
        No neighbours computed; more components than the diffusion map has.
    NotImplementedError
        ``n_branchings`` above 0.

    Notes
    -----
    Haghverdi, Buettner, Wolf, Buettner and Theis (2016), Diffusion pseudotime robustly reconstructs branching cellular
    lineages, equation 15 of the supplement; Wolf and others (2019) for graphs of several components.
    """
    n_dcs = _checks.whole(n_dcs, "n_dcs", at_least=1)
    if _checks.whole(n_branchings, "n_branchings", at_least=0) > 0:
        raise NotImplementedError("n_branchings above 0 is not covered; tl.paga finds branchings.")
    with _anndata.transaction(adata, copy=copy) as target:
        source = target.adata
        _graphs.of_neighbors(source, neighbors_key, otherwise="You need to run `pp.neighbors` and `tl.diffmap` first.")
        root = _root(source)
        values, basis = _diffusion_map(target, neighbors_key)
        if n_dcs > len(values):
            raise ValueError(
                f"Cannot instantiate using `n_dcs`={n_dcs}. Compute diffmap/spectrum with more components first."
            )
        logger.info("computing Diffusion Pseudotime using n_dcs=%d", n_dcs)
        if root is not None:
            within = _reachable(source, root, neighbors_key)
            target.obs["dpt_pseudotime"] = _pseudotime(values[:n_dcs], basis[:, :n_dcs], root, within)
            target.uns["iroot"] = root
            logger.info("    finished: added\n    'dpt_pseudotime', the pseudotime (adata.obs)")
    return target.adata if copy else None


def _diffusion_map(target: _anndata.Target, neighbors_key: str | None) -> tuple[np.ndarray, np.ndarray]:
    """The eigenvalues and components that are there, or new ones, which are written as well."""
    adata = target.adata
    if "X_diffmap" in adata.obsm:
        if "diffmap_evals" not in adata.uns:
            raise KeyError("adata.uns['diffmap_evals'] not found, which belongs to obsm['X_diffmap']: run tl.diffmap.")
        _arrays.require_finite(adata.obsm["X_diffmap"], "adata.obsm['X_diffmap']")
        values, basis = np.asarray(adata.uns["diffmap_evals"]), np.asarray(adata.obsm["X_diffmap"])
        if "X_diffmap0" in adata.obs:  # where scanpy once kept the steady state
            values = np.r_[1, values]
            basis = np.c_[adata.obs["X_diffmap0"].to_numpy()[:, None], basis]
        return values, basis
    logger.warning(
        "Trying to run `tl.dpt` without prior call of `tl.diffmap`. "
        "Falling back to `tl.diffmap` with default parameters."
    )
    values, basis = diffusion_map(adata, 15, neighbors_key, seed=0)
    target.obsm["X_diffmap"] = basis
    target.uns["diffmap_evals"] = values
    return values, basis


def _root(adata: AnnData) -> int | None:
    """The number of the root cell; None where there is none."""
    if "iroot" in adata.uns:
        given = np.asarray(adata.uns["iroot"])
        root = _checks.whole(given.item() if given.size == 1 else given, "adata.uns['iroot']", at_least=-adata.n_obs)
        if root < adata.n_obs:
            return root
        logger.warning("Root cell index %s does not exist for %s samples. It is ignored.", root, adata.n_obs)
        return None
    expression = adata.uns.get("xroot", adata.var.get("xroot"))
    if expression is None:
        logger.warning(
            "No root cell found. To compute pseudotime, pass the index or expression vector of a root cell, one of:\n"
            "    adata.uns['iroot'] = root_cell_index\n"
            "    adata.var['xroot'] = adata[root_cell_name, :].X"
        )
        return None
    expression = np.asarray(expression, dtype=np.float64).ravel()
    _arrays.require_finite(expression, "xroot")
    return _closest_cell(adata, expression) if expression.size == adata.n_vars else None


def _closest_cell(adata: AnnData, expression: np.ndarray) -> int:
    """The first cell at the smallest Euclidean distance."""
    matrix, name = _anndata.picked(adata)
    _arrays.require_finite(_arrays.sound(matrix, name), name)
    doubles = matrix.astype(np.float64)
    squares = doubles.power(2).sum(axis=1) if _arrays.is_sparse(matrix) else np.square(doubles).sum(axis=1)
    distances = np.asarray(squares).ravel() - 2 * np.asarray(doubles @ expression).ravel()
    return int(np.argmin(distances))


def _reachable(adata: AnnData, root: int, neighbors_key: str | None) -> np.ndarray:
    weights = _graphs.sound(_graphs.connectivities(adata, neighbors_key=neighbors_key), adata.n_obs)
    labels = connected_components(weights, directed=False)[1]
    within = labels == labels[root]
    n_outside = int((~within).sum())
    if n_outside:
        logger.warning(
            "the graph has no path from the root to %d of %d cells: their pseudotime is infinite. "
            "More neighbours connect the graph; or take a root for each part.",
            n_outside,
            adata.n_obs,
        )
    return within


def _pseudotime(values: np.ndarray, basis: np.ndarray, root: int, within: np.ndarray) -> np.ndarray:
    """The distance of every cell to the root, of which the farthest is 1."""
    steps = values.astype(np.float64)
    is_steady = steps >= _STEADY
    weights = np.where(is_steady, 1.0, steps / np.where(is_steady, 1.0, 1.0 - steps))
    differences = (basis[root].astype(np.float64) - basis) * weights
    distances = np.sqrt(np.square(differences).sum(axis=1))
    farthest = distances[within].max()
    distances = distances / farthest if farthest > 0 else distances
    return np.where(within, distances, np.inf).astype(np.result_type(basis, np.float32))
