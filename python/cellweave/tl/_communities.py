"""What Leiden and Louvain share: the graph, its restriction to some groups, labels and the engine call."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from .. import _anndata, _arrays, _graphs, _progress
from .._core import engine
from ..settings import logger, settings


@dataclass(frozen=True)
class Search:
    """How the engine is to look for communities; fields as in CommunityOptions of the engine."""

    method: Callable[..., np.ndarray]
    objective: str
    directed: bool
    n_iterations: int
    seed: int
    randomness: float = 0.01
    start: Any = None


@dataclass(frozen=True)
class Restriction:
    """Clustering inside some groups of an annotation; the other cells keep their group."""

    key: str
    categories: tuple[str, ...]
    mask: np.ndarray
    groups: pd.Series

    def renamed(self, labels: np.ndarray) -> np.ndarray:
        """Names for all cells: ``a-b,0`` for community 0 within the groups a and b."""
        names = self.groups.astype(str).to_numpy(dtype=object).copy()
        prefix = "-".join(self.categories)
        names[self.mask] = [f"{prefix},{label}" for label in labels]
        return names


def restriction(adata: AnnData, restrict_to: tuple[str, Sequence[str]] | None) -> Restriction | None:
    """``restrict_to`` checked, or None if nothing is asked."""
    if restrict_to is None:
        return None
    if isinstance(restrict_to, str) or len(restrict_to) != 2:
        raise ValueError(f"restrict_to must be (obs key, list of categories), found {restrict_to!r}.")
    key, categories = restrict_to
    if key not in adata.obs:
        raise KeyError(f"restrict_to: '{key}' not found; adata.obs has {list(adata.obs.columns)}.")
    if isinstance(categories, str) or len(categories) == 0:
        raise ValueError(f"restrict_to: expected a list of categories of '{key}', found {categories!r}.")
    if not all(isinstance(category, str) for category in categories):
        raise ValueError("You need to use strings to label categories, e.g. '1' instead of 1.")
    groups = adata.obs[key]
    known = groups.cat.categories if isinstance(groups.dtype, pd.CategoricalDtype) else groups.unique()
    for category in categories:
        if category not in known:
            raise ValueError(f"{category!r} is not a valid category for {key!r}; it has {list(known)}.")
    return Restriction(key, tuple(categories), groups.isin(categories).to_numpy(), groups)


def affinity_graph(
    adata: AnnData,
    adjacency: Any,
    *,
    obsp: str | None,
    neighbors_key: str | None,
    within: Restriction | None,
    use_weights: bool,
) -> Any:
    """The engine's graph: ``adjacency`` or the one that was stored, restricted to the cells ``within``."""
    name = "adjacency"
    if adjacency is None:
        adjacency, name = _graphs.connectivities(adata, obsp=obsp, neighbors_key=neighbors_key)
    adjacency = _graphs.square(adjacency, adata.n_obs, name)
    if within is not None:
        _arrays.compressed(adjacency, name)  # scipy's indexing trusts the structure, so check it before
        adjacency = adjacency.tocsr()[within.mask][:, within.mask]
    return engine.AffinityGraph(_arrays.csr(adjacency, name), bool(use_weights), settings.n_threads)


def communities(graph: Any, search: Search, resolution: float) -> np.ndarray:
    """The community of every cell, numbered by falling size."""
    start = np.empty(0, np.int32) if search.start is None else np.ascontiguousarray(search.start, dtype=np.int32)
    if search.objective == "cpm" and not search.directed:
        resolution /= 2  # scanpy makes an undirected edge of each of the two entries that an edge has in the matrix
    with _progress.bars(settings.verbosity >= 2):
        return search.method(
            graph,
            start,
            objective=search.objective,
            resolution=resolution,
            directed=search.directed,
            n_iterations=search.n_iterations,
            randomness=search.randomness,
            seed=search.seed,
            threads=settings.n_threads,
        )


def modularity(graph: Any, labels: np.ndarray, resolution: float, directed: bool) -> float:
    """Modularity of a partition of ``graph``; NaN without edges."""
    n_communities = int(labels.max(initial=-1)) + 1
    return engine.modularity(graph, labels, n_communities, resolution, directed, settings.n_threads)


def column_of(key_added: str, method: str, within: Restriction | None) -> str:
    """``key_added``, but ``leiden_R`` for the default key of a restricted call."""
    return f"{key_added}_R" if within is not None and key_added == method else key_added


def write_labels(target: _anndata.Target, column: str, labels: np.ndarray, within: Restriction | None) -> None:
    """Puts the communities into ``obs[column]``, as strings with naturally sorted categories."""
    target.obs[column] = _labelled(labels, within)
    logger.info(
        "    finished: found %d clusters and added\n    '%s', the cluster labels (adata.obs, categorical)",
        len(target.obs[column].categories),
        column,
    )


def _labelled(labels: np.ndarray, within: Restriction | None) -> pd.Categorical:
    if within is None:
        names = [str(number) for number in range(int(labels.max(initial=-1)) + 1)]
        return pd.Categorical.from_codes(labels, categories=names)
    renamed = within.renamed(labels)
    return pd.Categorical(renamed, categories=sorted(set(renamed), key=_natural))


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Sorts 'cluster 9' before 'cluster 10'."""
    pieces = re.split(r"(\d+)", name)
    return [(0, int(piece), "") if piece.isdigit() else (1, 0, piece) for piece in pieces if piece]


def checked_resolution(resolution: Any, name: str = "resolution") -> float:
    """``resolution`` as a float above 0."""
    try:
        value = float(resolution)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number above 0, found {resolution!r}.") from None
    if not (np.isfinite(value) and value > 0):
        raise ValueError(f"{name} must be a number above 0, found {resolution!r}.")
    return value


def checked_iterations(n_iterations: Any) -> int:
    """``n_iterations`` for the engine: -1 runs until nothing improves."""
    if n_iterations is None:
        return -1
    if isinstance(n_iterations, bool) or not isinstance(n_iterations, (int, np.integer)):
        raise TypeError(f"n_iterations must be an int or None, found {n_iterations!r}.")
    if n_iterations == 0:
        raise ValueError("n_iterations must be at least 1, or -1 to run until nothing improves; found 0.")
    return int(n_iterations)


#: What the classes of leidenalg and louvain-igraph judge a partition by.
_OBJECTIVES = {
    "RBConfigurationVertexPartition": "modularity",
    "ModularityVertexPartition": "modularity",
    "CPMVertexPartition": "cpm",
    "RBERVertexPartition": "density",
}


def objective_of(partition_type: Any, resolution: float) -> str:
    """The engine's objective for a partition class, or its name."""
    if partition_type is None:
        return "modularity"
    name = (
        partition_type if isinstance(partition_type, str) else getattr(partition_type, "__name__", repr(partition_type))
    )
    if name not in _OBJECTIVES:
        raise NotImplementedError(f"partition_type {name} is not supported; choose one of {list(_OBJECTIVES)}.")
    if name == "ModularityVertexPartition" and resolution != 1:
        raise ValueError("partition_type ModularityVertexPartition takes no resolution: pass None, or another type.")
    return _OBJECTIVES[name]
