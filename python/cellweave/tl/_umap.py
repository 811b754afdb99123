"""UMAP layouts of the neighbour graph."""

from __future__ import annotations

import numbers
from typing import Any, Literal

import numpy as np
from anndata import AnnData

from .. import _anndata, _arrays, _checks, _graphs, _progress
from .._compat import old_positionals
from .._core import engine
from .._seeds import RandomState, seed_of
from ..settings import logger, settings


@old_positionals(
    "min_dist",
    "spread",
    "n_components",
    "maxiter",
    "alpha",
    "gamma",
    "negative_sample_rate",
    "init_pos",
    "random_state",
    "a",
    "b",
    "copy",
    "method",
    "neighbors_key",
)
def umap(
    adata: AnnData,
    *,
    min_dist: float = 0.5,
    spread: float = 1.0,
    n_components: int = 2,
    maxiter: int | None = None,
    alpha: float = 1.0,
    gamma: float = 1.0,
    negative_sample_rate: int = 5,
    init_pos: Literal["paga", "spectral", "random"] | str | np.ndarray | None = "spectral",
    random_state: RandomState = 0,
    a: float | None = None,
    b: float | None = None,
    method: Literal["umap", "rapids"] = "umap",
    key_added: str | None = None,
    neighbors_key: str = "neighbors",
    copy: bool = False,
) -> AnnData | None:
    """Lay out the neighbour graph so that neighbours lie close and others do not: UMAP.

    Parity: same quality (``scanpy.tl.umap``, that is umap-learn: trustworthiness and neighbours preserved at least
    its own mean less its spread over seeds). The same graph and seed give the same bytes at any thread count; every
    epoch runs in parallel. Reads the graph only, not the data. Memory: 12 bytes an edge, two layouts, and for the
    spectral start 8 bytes an edge and 96 bytes a cell more.

    Parameters
    ----------
    adata
        Cells x genes, with a neighbour graph from ``pp.neighbors``.
    min_dist, spread
        How close points may lie, and the scale on which they spread: they choose ``a`` and ``b``.
    n_components
        Dimensions of the layout, at least 1 and below the number of cells.
    maxiter
        Epochs. Default: 500 up to 10,000 cells, else 200. 0 returns the start.
    alpha
        Step length of the first epoch; it falls linearly to 0.
    gamma
        Weight of the repulsion.
    negative_sample_rate
        Random cells that push a cell away for each pull of a neighbour.
    init_pos
        The start: 'spectral' (eigenvectors of the graph, component by component; also ``None``), 'random', 'paga'
        (positions of ``pl.paga``), a key of ``adata.obsm``, or an array, cells x n_components.
    random_state
        Seed of the start and of the pushes. ``None`` gives another layout every time.
    a, b
        The curve 1 / (1 + a d^(2 b)) itself, instead of ``min_dist`` and ``spread``.
    method
        'umap'. The deprecated 'rapids' is not covered.
    key_added
        Key of ``adata.obsm`` and ``adata.uns`` to write; default 'X_umap' and 'umap'.
    neighbors_key
        Which neighbour graph: the ``key_added`` that ``pp.neighbors`` was given.
    copy
        Write to a copy and return it.

    Returns
    -------
    ``None``, or the copy. Written: ``obsm['X_umap' or key_added]``, float32, cells x n_components;
    ``uns['umap' or key_added]['params']`` with a, b and, unless it is 0, random_state.

    The parts of a disconnected graph are laid out one by one, largest in the middle; isolated cells lie outermost.

    Raises
    ------
    ValueError
        No neighbours computed; a parameter out of range; weights or a start with NaN or infinite values; a start of
        the wrong shape.
    KeyError
        A key that is not there.
    NotImplementedError
        ``method='rapids'``.

    Notes
    -----
    McInnes, Healy and Melville (2018), UMAP: Uniform Manifold Approximation and Projection for Dimension Reduction.
    """
    if method == "rapids":
        raise NotImplementedError("method='rapids' needs a GPU library. Use method='umap' or rapids_singlecell.")
    if method != "umap":
        raise ValueError(f"method must be 'umap', found {method!r}.")
    if a is None or b is None:
        a, b = fit_curve(spread, min_dist)
    n_epochs = _checked_epochs(maxiter, adata)
    rate = _checks.whole(negative_sample_rate, "negative_sample_rate", at_least=0)
    seed = seed_of(random_state)
    with _anndata.transaction(adata, copy=copy) as target:
        graph = _neighbor_graph(target.adata, neighbors_key, n_epochs)
        logger.info("computing UMAP")
        with _progress.bars(settings.verbosity >= 2):
            layout = _start(target.adata, graph, init_pos, n_components, seed)
            engine.optimize_umap(
                graph,
                layout,
                n_epochs=n_epochs,
                a=float(a),
                b=float(b),
                alpha=float(alpha),
                gamma=float(gamma),
                negative_sample_rate=rate,
                seed=seed,
                threads=settings.n_threads,
            )
        key_obsm, key_uns = ("X_umap", "umap") if key_added is None else (key_added, key_added)
        params: dict[str, Any] = {"a": a, "b": b}
        if isinstance(random_state, numbers.Integral) and random_state != 0:
            params["random_state"] = random_state
        target.obsm[key_obsm] = layout
        target.uns[key_uns] = {"params": params}
        logger.info("    finished: added\n    '%s', UMAP coordinates (adata.obsm)", key_obsm)
    return target.adata if copy else None


def fit_curve(spread: float, min_dist: float) -> tuple[float, float]:
    """The ``a`` and ``b`` of 1 / (1 + a d^(2 b)) closest to 1 up to ``min_dist``, exp((min_dist - d) / spread) after.

    Parity: exact (``umap.umap_.find_ab_params``: least squares at 300 distances from 0 to 3 spread).
    """
    from scipy.optimize import curve_fit

    if not (np.isfinite(spread) and spread > 0):
        raise ValueError(f"spread must be finite and positive, found {spread!r}.")
    if not (np.isfinite(min_dist) and 0 <= min_dist <= 3 * spread):
        raise ValueError(f"min_dist must lie between 0 and 3 x spread, found {min_dist!r}.")
    distances = np.linspace(0, 3 * spread, 300)
    membership = np.where(distances < min_dist, 1.0, np.exp(-(distances - min_dist) / spread))
    try:
        (a, b), _ = curve_fit(lambda d, a, b: 1.0 / (1.0 + a * d ** (2 * b)), distances, membership)
    except RuntimeError as error:
        raise ValueError(f"No curve fits min_dist={min_dist!r} and spread={spread!r}; give a and b instead.") from error
    return float(a), float(b)


def _default_epochs(n_cells: int) -> int:
    return 500 if n_cells <= 10_000 else 200


def _checked_epochs(maxiter: int | None, adata: AnnData) -> int:
    return _default_epochs(adata.n_obs) if maxiter is None else _checks.whole(maxiter, "maxiter", at_least=0)


def _neighbor_graph(adata: AnnData, neighbors_key: str | None, n_epochs: int) -> Any:
    """The engine's copy of the graph, without the edges that no epoch would sample."""
    key = "neighbors" if neighbors_key is None else neighbors_key
    neighbors = _graphs.of_neighbors(adata, key, otherwise=f"Did not find .uns[{key!r}]. Run `pp.neighbors` first.")
    connectivities, name = _graphs.connectivities(adata, neighbors_key=key)
    connectivities = _graphs.square(connectivities, adata.n_obs, name)
    if neighbors.get("params", {}).get("method") != "umap":
        logger.warning("%s has not been computed using umap", name)
    connectivities = _arrays.each_entry_once(connectivities, name)
    # umap-learn prunes by its default number of epochs where 10 or fewer are asked for
    n_sampled = n_epochs if n_epochs > 10 else _default_epochs(adata.n_obs)
    return engine.neighbor_graph(_arrays.csr(connectivities, name), 1.0 / n_sampled, settings.n_threads)


def _start(adata: AnnData, graph: Any, init_pos: Any, n_components: int, seed: int) -> np.ndarray:
    """The start, float32, every dimension from 0 to 10."""
    n_dims = _checks.whole(n_components, "n_components", at_least=1)
    if n_dims >= max(adata.n_obs, 2):
        raise ValueError(f"n_components must be below the number of cells, {adata.n_obs}; found {n_dims}.")
    noise = np.random.RandomState(seed % 2**32)
    if isinstance(init_pos, str) and init_pos in adata.obsm:
        start = _given(adata.obsm[init_pos], f"adata.obsm['{init_pos}']", adata.n_obs, n_dims, noise)
    elif init_pos is None or (isinstance(init_pos, str) and init_pos == "spectral"):
        start = engine.spectral_layout(graph, n_dims, seed, settings.n_threads)
        largest = np.abs(start).max(initial=0)
        start *= 10 / largest if largest > 0 else 1
        start += noise.normal(scale=1e-4, size=start.shape).astype(np.float32)
    elif isinstance(init_pos, str) and init_pos == "random":
        start = noise.uniform(low=-10.0, high=10.0, size=(adata.n_obs, n_dims)).astype(np.float32)
    elif isinstance(init_pos, str) and init_pos == "paga":
        start = _given(_paga_start(adata, noise), "the positions of PAGA", adata.n_obs, n_dims, noise)
    elif isinstance(init_pos, str) and init_pos in ("pca", "tswspectral"):
        raise NotImplementedError(f"init_pos='{init_pos}' is umap-learn's own: use scanpy.tl.umap.")
    elif isinstance(init_pos, str):
        raise KeyError(
            f"init_pos '{init_pos}' is neither 'spectral', 'random' nor 'paga', nor a key of adata.obsm: "
            f"{sorted(adata.obsm)}."
        )
    else:
        start = _given(init_pos, "init_pos", adata.n_obs, n_dims, noise)
    low = start.min(axis=0, initial=np.inf)
    extent = start.max(axis=0, initial=-np.inf) - low
    return np.ascontiguousarray(10 * (start - low) / np.where(extent > 0, extent, 1), dtype=np.float32)


def _given(positions: Any, name: str, n_cells: int, n_dims: int, noise: np.random.RandomState) -> np.ndarray:
    """Positions of the caller; where two cells coincide all are shaken a little, or they would never part."""
    positions = np.asarray(positions)
    if positions.dtype.kind not in "fiub" or positions.shape != (n_cells, n_dims):
        raise ValueError(
            f"{name} must be numbers of shape {(n_cells, n_dims)}, cells x n_components; "
            f"found {positions.dtype} of shape {positions.shape}."
        )
    positions = positions.astype(np.float32)
    _arrays.require_finite(positions, name)
    if len(np.unique(positions, axis=0)) < n_cells:
        from scipy.spatial import cKDTree

        nearest = cKDTree(positions).query(positions, k=2)[0][:, 1].mean() or 1.0
        positions += noise.normal(scale=0.001 * nearest, size=positions.shape).astype(np.float32)
    return positions


def _paga_start(adata: AnnData, noise: np.random.RandomState) -> np.ndarray:
    """Cells spread around their group's position in the plot of PAGA, towards its best connected neighbour.

    Parity: exact (scanpy's draws for the same integer seed).
    """
    paga = adata.uns.get("paga", {})
    if "pos" not in paga:
        raise ValueError("Plot PAGA first, so that `adata.uns['paga']['pos']` exists.")
    groups, positions, coarse = adata.obs[paga["groups"]], np.asarray(paga["pos"]), paga["connectivities"]
    start = np.ones((adata.n_obs, 2))
    for group, position in enumerate(positions):
        members = (groups == groups.cat.categories[group]).to_numpy()
        neighbors = coarse[[group]].nonzero()[1]
        if len(neighbors) == 0:
            start[members] = position
            continue
        strengths = np.asarray(coarse[[group]].todense()).ravel()[neighbors]
        reach = position - positions[neighbors[np.argmax(strengths)]]
        start[members] = position - 0.5 * reach + noise.random_sample((int(members.sum()), 2)) * reach
    return start
