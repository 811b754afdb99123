"""``pp.neighbors``: who is near whom, and how strongly connected."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from anndata import AnnData

from .. import _anndata, _arrays, _checks
from .._compat import warn
from ..neighbors import _graph
from ..neighbors._search import Neighborhood, Search, given
from ..settings import logger

_METHODS = ("umap", "gauss", "jaccard")
_TRANSFORMERS = ("pynndescent", "sklearn", "rapids")
#: Components that stand for the genes, and genes below which no components are needed: scanpy's ``settings.N_PCS``.
_N_PCS = 50


def neighbors(
    adata: AnnData,
    n_neighbors: int = 15,
    n_pcs: int | None = None,
    *,
    distances: Any = None,
    use_rep: str | None = None,
    knn: bool = True,
    method: str = "umap",
    transformer: Any = None,
    metric: str | Callable[[np.ndarray, np.ndarray], float] | None = None,
    metric_kwds: Mapping[str, Any] = MappingProxyType({}),
    random_state: Any = 0,
    key_added: str | None = None,
    copy: bool = False,
) -> AnnData | None:
    """Find the nearest neighbours of every cell and the graph of their connectivities.

    Parity: the search is exact up to ``cellweave.neighbors.EXACT_UP_TO`` cells (scikit-learn's brute force, ties to the
    lower index) and approximate above, with a recall of at least 0.99; connectivities are within 1e-5 of umap-learn's
    given the same neighbours.

    Parameters
    ----------
    adata
        Cells x genes.
    n_neighbors
        Size of a neighbourhood, the cell itself included. If there are fewer cells, half of them and a warning.
        Taken from ``transformer`` if that is an instance.
    n_pcs
        Columns of the representation to use; 0 means ``X``.
    distances
        Ready distances instead of a search: a square matrix, sparse (stored entries are the neighbours) or dense, or
        a pair ``(indices, distances)`` of two n x n_neighbors arrays whose first column is the cell itself. Sparse and
        dense as in scanpy 1.12; the pair is ours.
    use_rep
        ``'X'`` or a key of ``obsm``. ``None``: ``X`` for up to 50 genes, else ``X_pca``, which is computed, with a
        warning, where there is none.
    knn
        ``False``, for ``method='gauss'``: connectivities between all cells, as dense matrices.
    method
        ``'umap'``, ``'gauss'``, or ``'jaccard'`` (scanpy 1.12).
    transformer
        ``None``: the engine's search. ``'sklearn'``: the engine's exact search. ``'pynndescent'`` or an instance with
        scikit-learn's interface: that one searches.
    metric
        ``'euclidean'`` (also for ``None``), ``'manhattan'``, ``'cosine'`` and ``'correlation'`` run on the engine;
        others, and functions, on scikit-learn. With ``distances``, what to write into ``uns``.
    metric_kwds
        Arguments of the metric; a call with some runs on scikit-learn.
    random_state
        Seed of the approximate search. The result depends on it and on nothing else.
    key_added
        Prefix of the keys; see below.
    copy
        Whether to return a copy instead of writing to ``adata``.

    Returns
    -------
    ``None``, or the copy. Written:

    ``obsp['distances']`` (``key_added + '_distances'``)
        CSR, ``n_neighbors - 1`` entries a row in rising order; float64 where scanpy searches exactly, else float32.
    ``obsp['connectivities']`` (``key_added + '_connectivities'``)
        CSR, symmetric; float32 for umap.
    ``uns['neighbors']`` (``key_added``)
        The two keys and the parameters.

    Raises
    ------
    ValueError
        Unknown method, metric, transformer or representation; more components than there are; NaN or infinite values;
        fewer than 2 cells or neighbours.

    Notes
    -----
    Where all neighbours of two cells lie at distance 0, ``method='gauss'`` connects them with weight 1, scanpy with
    NaN.

    References
    ----------
    McInnes, Healy and Melville (2018), arXiv:1802.03426. Haghverdi and others (2016), Nature Methods 13, 845. Levine
    and others (2015), Cell 162, 184.
    """
    if method not in _METHODS:
        raise ValueError(f"method must be one of {_METHODS}, found {method!r}.")
    is_instance = transformer is not None and not isinstance(transformer, str)
    if isinstance(transformer, str) and transformer not in _TRANSFORMERS:
        raise ValueError(f"Unknown transformer: {transformer}. Pass an instance or one of {_TRANSFORMERS}.")
    if not knn and not (method == "gauss" and transformer is None):
        raise ValueError(f"method={method!r} works only with knn=True.")
    if is_instance:
        n_neighbors = transformer.get_params()["n_neighbors"]
    n_neighbors = _checks.whole(n_neighbors, "n_neighbors", at_least=1)

    with _anndata.transaction(adata, copy=copy) as target:
        if distances is None:
            metric = "euclidean" if metric is None else metric
            if not is_instance:
                n_neighbors = _affordable(n_neighbors, target.adata.n_obs)
            points, name = _representation(target, use_rep, n_pcs)
            search = Search(n_neighbors, knn, transformer, metric, dict(metric_kwds), random_state)
            found = search.run(points, name)
        else:
            if callable(metric):
                raise TypeError("metric must be a string if distances are given.")
            ignored = _ignored_with_distances(use_rep, n_pcs, knn, metric_kwds, random_state)
            if ignored:
                warn(f"Parameter(s) ignored if `distances` is given: {ignored}")
                random_state = 0
            found = given(distances, n_neighbors, target.adata.n_obs)
        connectivities = _connectivities(found, n_neighbors, method, knn)

        key, prefix = ("neighbors", "") if key_added is None else (key_added, f"{key_added}_")
        params = {"n_neighbors": n_neighbors, "method": method, "random_state": random_state, "metric": metric}
        params |= {"metric_kwds": metric_kwds} if metric_kwds else {}
        params |= {"use_rep": use_rep} if use_rep is not None else {}
        params |= {"n_pcs": n_pcs} if n_pcs is not None else {}
        target.uns[key] = {
            "connectivities_key": f"{prefix}connectivities",
            "distances_key": f"{prefix}distances",
            "params": params,
        }
        target.obsp[f"{prefix}distances"] = found.matrix
        target.obsp[f"{prefix}connectivities"] = connectivities
        if target.adata.is_view:
            target.adata._init_as_actual(target.adata.copy())
    logger.info(
        "neighbors: added to .uns['%s'], .obsp['%sdistances'] and .obsp['%sconnectivities']", key, prefix, prefix
    )
    return target.adata if copy else None


def _affordable(n_neighbors: int, n_cells: int) -> int:
    """``n_neighbors``, or what scanpy makes of it where there are fewer cells."""
    if n_neighbors > n_cells:
        n_neighbors = 1 + n_cells // 2
        logger.warning("n_obs too small: adjusting to `n_neighbors = %d`", n_neighbors)
    if n_neighbors < 2:
        raise ValueError(
            f"n_neighbors must be at least 2, the cell itself included, found {n_neighbors} with {n_cells} cell(s)."
        )
    return n_neighbors


def _representation(target: _anndata.Target, use_rep: str | None, n_pcs: int | None) -> tuple[Any, str]:
    """The coordinates in which to search, and what to call them."""
    adata = target.adata
    if n_pcs is not None:
        _checks.whole(n_pcs, "n_pcs", at_least=0)
    if use_rep is None and n_pcs == 0:
        use_rep = "X"
    if use_rep is None:
        if adata.n_vars <= _N_PCS:
            logger.info("neighbors: using data matrix X directly")
            return _anndata.picked(adata)
        if "X_pca" not in adata.obsm:
            return _computed_pca(target, n_pcs)
        use_rep = "X_pca"
    if use_rep not in adata.obsm:
        if use_rep == "X":
            return _anndata.picked(adata)
        raise ValueError(
            f"Did not find {use_rep} in `.obsm.keys()`. You need to compute it first; there are {sorted(adata.obsm)}."
        )
    points, name = adata.obsm[use_rep], f"adata.obsm['{use_rep}']"
    points = _arrays.sound(_arrays.checked(points.to_numpy() if hasattr(points, "to_numpy") else points, name), name)
    if n_pcs is not None and n_pcs > points.shape[1]:
        raise ValueError(f"n_pcs={n_pcs}, but {name} has {points.shape[1]} dimensions. Lower n_pcs or compute more.")
    logger.info("neighbors: using '%s' with n_pcs = %d", use_rep, points.shape[1] if n_pcs is None else n_pcs)
    return points[:, :n_pcs], name


def _computed_pca(target: _anndata.Target, n_pcs: int | None) -> tuple[Any, str]:
    """``X_pca`` of cells that have none; it is kept, as scanpy keeps it."""
    from . import pca

    warn(
        f"You're trying to run this on {target.adata.n_vars} dimensions of `.X`, if you really want this, set "
        "`use_rep='X'`.\n         Falling back to preprocessing with `sc.pp.pca` and default params."
    )
    bare = AnnData(target.matrix(), obs=target.adata.obs[[]], var=target.adata.var)
    pca(bare, n_comps=_N_PCS if n_pcs is None else n_pcs)
    target.obsm |= dict(bare.obsm)
    target.varm |= dict(bare.varm)
    target.uns |= dict(bare.uns)
    return bare.obsm["X_pca"], "adata.obsm['X_pca']"


def _ignored_with_distances(
    use_rep: str | None, n_pcs: int | None, knn: bool, metric_kwds: Mapping[str, Any], random_state: Any
) -> set[str]:
    """Arguments that were given although ready distances leave them without meaning."""
    given = {
        "use_rep": use_rep is not None,
        "n_pcs": n_pcs is not None,
        "knn": not knn,
        "metric_kwds": bool(metric_kwds),
        "random_state": random_state != 0,
    }
    return {name for name, is_given in given.items() if is_given}


def _connectivities(found: Neighborhood, n_neighbors: int, method: str, knn: bool) -> Any:
    if method == "umap":
        return _graph.fuzzy_union(found.indices, found.distances, n_neighbors=n_neighbors)
    if method == "jaccard":
        return _graph.jaccard(found.indices)
    if _arrays.is_sparse(found.matrix):
        return _graph.gauss(found.indices, found.distances)
    weights = _graph.gauss_dense(found.matrix, n_neighbors)
    if knn:  # dense distances were given: keep the edges of the neighbourhood graph
        is_edge = np.zeros(weights.shape, dtype=bool)
        np.put_along_axis(is_edge, found.indices[:, 1:].astype(np.int64), True, axis=1)
        weights[~(is_edge | is_edge.T)] = 0
    return weights
