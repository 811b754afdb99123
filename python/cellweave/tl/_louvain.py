"""Louvain communities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

from anndata import AnnData

from .. import _anndata
from .._core import engine
from .._seeds import RandomState, seed_of
from ..settings import logger
from ._communities import (
    Search,
    affinity_graph,
    checked_resolution,
    column_of,
    communities,
    objective_of,
    restriction,
    write_labels,
)


def louvain(
    adata: AnnData,
    resolution: float | None = None,
    *,
    random_state: RandomState = 0,
    restrict_to: tuple[str, Sequence[str]] | None = None,
    key_added: str = "louvain",
    adjacency: Any = None,
    flavor: Literal["vtraag", "igraph", "rapids"] = "vtraag",
    directed: bool = True,
    use_weights: bool = False,
    partition_type: Any = None,
    partition_kwargs: Mapping[str, Any] = MappingProxyType({}),
    neighbors_key: str | None = None,
    obsp: str | None = None,
    copy: bool = False,
) -> AnnData | None:
    """Group cells into communities of their neighbour graph, by the older Louvain algorithm.

    Prefer :func:`leiden`: it is better and no slower, and its groups are always connected, which these may not be.

    Parity: same quality (``scanpy.tl.louvain``). All flavors run on the engine. The same graph and seed give the same
    groups on every machine and at any thread count.

    Parameters
    ----------
    adata
        Cells x genes, with a neighbour graph from ``pp.neighbors``.
    resolution
        Above 0; higher values give more and smaller groups. ``None``: 1. Flavor 'igraph' ignores it, with a warning.
    random_state
        Seed. ``None`` gives other groups every time.
    restrict_to
        ``(obs key, list of categories)``: cluster only the cells of these categories. The others keep their category,
        and the column is called ``louvain_R`` unless ``key_added`` says otherwise.
    key_added
        Column of ``adata.obs`` and key of ``adata.uns`` to write.
    adjacency
        Sparse matrix, cells x cells, of weights of at least 0. Default: the neighbour graph of ``adata``.
    flavor
        'vtraag' (resolution, partition types, directions), 'igraph' (plain modularity) or 'rapids' (as 'vtraag').
    directed
        Whether the graph's edges have a direction: matters where the matrix is not symmetric.
    use_weights
        Whether edges count by their weight; as scanpy has it, they do not by default.
    partition_type
        The class of louvain-igraph, or its name, as for :func:`leiden`. Only with flavor 'vtraag'.
    partition_kwargs
        ``resolution_parameter``, used where ``resolution`` is ``None``. Only with flavor 'vtraag'.
    neighbors_key
        Use the graph that ``pp.neighbors(key_added=...)`` wrote under this key.
    obsp
        Use ``adata.obsp[obsp]``.
    copy
        Write to a copy and return it.

    Returns
    -------
    ``None``, or the copy. Written: ``obs[key_added]``, categorical, categories '0', '1', ... by falling size (ties: the
    lower first cell first), and ``uns[key_added]['params']`` with resolution and random_state.

    Raises
    ------
    ValueError
        No neighbours computed; resolution not above 0; a weight negative, infinite or NaN; a matrix of the wrong size;
        unknown categories or flavor; ``partition_type`` with another flavor.
    KeyError
        A key that is not there.
    NotImplementedError
        louvain-igraph's other partition types and arguments.

    Notes
    -----
    Blondel, Guillaume, Lambiotte and Lefebvre (2008), Fast unfolding of communities in large networks.
    """
    if flavor != "vtraag" and partition_type is not None:
        raise ValueError('`partition_type` is only a valid argument when `flavour` is "vtraag"')
    if flavor not in ("vtraag", "igraph", "rapids"):
        raise ValueError(f'`flavor` needs to be "vtraag", "igraph" or "rapids", found {flavor!r}.')
    value = _resolution(resolution, flavor, dict(partition_kwargs))
    search = Search(
        method=engine.louvain,
        objective=objective_of(partition_type, value),
        directed=directed and flavor == "vtraag",
        n_iterations=1,
        seed=seed_of(random_state),
    )
    with _anndata.transaction(adata, copy=copy) as target:
        logger.info("running Louvain clustering")
        within = restriction(target.adata, restrict_to)
        graph = affinity_graph(
            target.adata, adjacency, obsp=obsp, neighbors_key=neighbors_key, within=within, use_weights=use_weights
        )
        column = column_of(key_added, "louvain", within)
        write_labels(target, column, communities(graph, search, value), within)
        target.uns[column] = {"params": {"resolution": resolution, "random_state": random_state}}
    return target.adata if copy else None


def _resolution(resolution: float | None, flavor: str, partition_kwargs: dict[str, Any]) -> float:
    fallback = partition_kwargs.pop("resolution_parameter", 1.0)
    if partition_kwargs:
        raise NotImplementedError(f"partition_kwargs {sorted(partition_kwargs)} are not supported.")
    value = checked_resolution(fallback if resolution is None else resolution)
    if flavor == "igraph" and resolution is not None:
        logger.warning('`resolution` parameter has no effect for flavor "igraph"')
        return 1.0
    return value
