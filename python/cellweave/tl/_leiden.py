"""Leiden communities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from anndata import AnnData

from .. import _anndata
from .._compat import warn
from .._core import engine
from .._seeds import RandomState, seed_of
from ..settings import logger
from ._communities import (
    Search,
    affinity_graph,
    checked_iterations,
    checked_resolution,
    column_of,
    communities,
    modularity,
    objective_of,
    restriction,
    write_labels,
)

_LEIDENALG_WARNING = (
    "The `igraph` implementation of leiden clustering is what scanpy recommends (here the engine has both, and "
    "they are equally fast). Set the flavor argument to 'igraph' to use it."
)
_DEFAULT_WARNING = (
    f"{_LEIDENALG_WARNING}\nIn the future, the default backend for leiden will be igraph instead of leidenalg. "
    "To achieve the future defaults please pass: `flavor='igraph'` and `n_iterations=2`. "
    "`directed` must also be `False` to work with igraph's implementation."
)


def leiden(
    adata: AnnData,
    resolution: float | Sequence[float] | None = 1,
    *,
    restrict_to: tuple[str, Sequence[str]] | None = None,
    random_state: RandomState = 0,
    key_added: str = "leiden",
    adjacency: Any = None,
    directed: bool | None = None,
    use_weights: bool = True,
    n_iterations: int | None = -1,
    partition_type: Any = None,
    neighbors_key: str | None = None,
    obsp: str | None = None,
    copy: bool = False,
    flavor: Literal["leidenalg", "igraph"] | None = None,
    **clustering_args: Any,
) -> AnnData | None:
    """Group cells into communities of their neighbour graph.

    Parity: same quality (``scanpy.tl.leiden``; modularity or CPM measured against igraph and leidenalg). Both flavors
    run on the engine and take the defaults of the package they are named after. The same graph and seed give the same
    groups on every machine and at any thread count, and every group is connected.

    Parameters
    ----------
    adata
        Cells x genes, with a neighbour graph from ``pp.neighbors``.
    resolution
        Above 0; higher values give more and smaller groups. A list (an extra) clusters at each of its values and
        writes one column each, ``<key_added>_<resolution>``. ``None``: 1.
    restrict_to
        ``(obs key, list of categories)``: cluster only the cells of these categories. The others keep their category,
        and the column is called ``leiden_R`` unless ``key_added`` says otherwise.
    random_state
        Seed. ``None`` gives other groups every time.
    key_added
        Column of ``adata.obs`` and key of ``adata.uns`` to write.
    adjacency
        Sparse matrix, cells x cells, of weights of at least 0. Default: the neighbour graph of ``adata``. Read in
        place where it is CSR of float32 or float64, and symmetric.
    directed
        Whether the graph's edges have a direction: matters where the matrix is not symmetric, and for CPM, which sees
        each stored entry as an edge of its own when undirected. Default: as the flavor has it.
    use_weights
        ``False``: every edge counts as 1.
    n_iterations
        Runs of the whole procedure, each from the groups before; -1 or ``None``: until nothing improves. Up to 15,000
        cells several starts are made, and the best one is always improved to the end.
    partition_type
        leidenalg's class, or its name: ``RBConfigurationVertexPartition`` (default), ``ModularityVertexPartition``,
        ``CPMVertexPartition`` or ``RBERVertexPartition``. Not with flavor 'igraph'.
    neighbors_key
        Use the graph that ``pp.neighbors(key_added=...)`` wrote under this key.
    obsp
        Use ``adata.obsp[obsp]``.
    copy
        Write to a copy and return it.
    flavor
        'leidenalg' or 'igraph': whose defaults and keyword arguments hold.
    **clustering_args
        ``initial_membership`` (one int a cell: where to start from); with flavor 'igraph' also ``objective_function``
        ('modularity' or 'CPM') and ``beta`` (randomness of the refinement, in units of edge weights, default 0.01).

    Returns
    -------
    ``None``, or the copy. Written: ``obs[key_added]``, categorical, categories '0', '1', ... by falling size (ties: the
    lower first cell first); ``uns[key_added]['params']`` with resolution, random_state and n_iterations;
    ``uns[key_added]['modularity']`` as the flavor reports it (igraph: weighted, at the resolution; leidenalg: of the
    edges without weights, at resolution 1); NaN for a graph without edges. A cell without edges is a group of its own.

    Raises
    ------
    ValueError
        No neighbours computed; resolution not above 0; a weight negative, infinite or NaN; a matrix of the wrong size;
        unknown categories; arguments that the flavor does not take.
    KeyError
        A key that is not there.
    NotImplementedError
        leidenalg's other partition types and its limits on sizes.

    Notes
    -----
    Traag, Waltman and Van Eck (2019), From Louvain to Leiden: guaranteeing well-connected communities.
    """
    chosen = _checked_flavor(flavor, directed, partition_type)
    is_directed = chosen == "leidenalg" and directed is not False
    arguments = _Arguments.read(chosen, clustering_args)
    is_sweep = np.asarray(resolution).ndim > 0
    resolutions = _resolutions(arguments.resolution if resolution is None else resolution)
    search = Search(
        method=engine.leiden,
        objective=arguments.objective or objective_of(partition_type, max(resolutions)),
        directed=is_directed,
        n_iterations=checked_iterations(n_iterations),
        seed=seed_of(random_state),
        randomness=arguments.randomness,
        start=arguments.start,
    )
    with _anndata.transaction(adata, copy=copy) as target:
        logger.info("running Leiden clustering")
        within = restriction(target.adata, restrict_to)
        where: dict[str, Any] = {"obsp": obsp, "neighbors_key": neighbors_key, "within": within}
        graph = affinity_graph(target.adata, adjacency, use_weights=use_weights, **where)
        judge = graph
        if chosen == "leidenalg" and use_weights:
            judge = affinity_graph(target.adata, adjacency, use_weights=False, **where)
        key = column_of(key_added, "leiden", within)
        for value in resolutions:
            column = f"{key}_{value:g}" if is_sweep else key
            labels = communities(graph, search, value)
            write_labels(target, column, labels, within)
            target.uns[column] = {
                "params": {
                    "resolution": value if is_sweep else resolution,
                    "random_state": random_state,
                    "n_iterations": n_iterations,
                },
                "modularity": modularity(judge, labels, value if chosen == "igraph" else 1.0, is_directed),
            }
    return target.adata if copy else None


@dataclass(frozen=True)
class _Arguments:
    """What the packages' own keyword arguments come down to."""

    objective: str | None = None
    randomness: float = 0.01
    start: np.ndarray | None = None
    resolution: float = 1.0

    @classmethod
    def read(cls, flavor: str, given: dict[str, Any]) -> _Arguments:
        given = dict(given)
        start = given.pop("initial_membership", None)
        for limit in ("node_sizes", "node_weights", "max_comm_size"):
            if given.pop(limit, None):
                raise NotImplementedError(f"{limit} is not supported; leave it out.")
        if flavor == "leidenalg":
            rest = cls(start=_membership(start), resolution=given.pop("resolution_parameter", 1.0))
        else:
            name = given.pop("objective_function", "modularity")
            if str(name).lower() not in ("modularity", "cpm"):
                raise ValueError(f"objective_function must be 'modularity' or 'CPM', found {name!r}.")
            rest = cls(str(name).lower(), randomness=float(given.pop("beta", 0.01)), start=_membership(start))
        if given:
            raise TypeError(f"leiden() got an unexpected keyword argument '{next(iter(given))}' for flavor '{flavor}'.")
        return rest


def _membership(start: Any) -> np.ndarray | None:
    """Any whole numbers, one a cell, as numbers from 0 without gaps."""
    if start is None:
        return None
    numbers = np.asarray(start)
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu":
        raise TypeError(f"initial_membership must be a list of ints, found {type(start).__name__} of {numbers.dtype}.")
    return np.unique(numbers, return_inverse=True)[1].astype(np.int32)


def _resolutions(resolution: Any) -> list[float]:
    if np.ndim(resolution) == 0:
        return [checked_resolution(resolution)]
    values = [checked_resolution(value) for value in resolution]
    if not values:
        raise ValueError("resolution is an empty list; give at least one value.")
    return values


def _checked_flavor(flavor: str | None, directed: bool | None, partition_type: Any) -> str:
    if flavor is None:
        warn(_DEFAULT_WARNING, FutureWarning)
        return "leidenalg"
    if flavor == "leidenalg":
        warn(_LEIDENALG_WARNING)
    if flavor not in ("igraph", "leidenalg"):
        raise ValueError(f"flavor must be either 'igraph' or 'leidenalg', but {flavor!r} was passed")
    if flavor == "igraph" and directed:
        raise ValueError("Cannot use igraph’s leiden implementation with a directed graph.")  # noqa: RUF001
    if flavor == "igraph" and partition_type is not None:
        raise ValueError("Do not pass in partition_type argument when using igraph.")
    return flavor
