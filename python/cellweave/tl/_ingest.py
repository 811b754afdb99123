"""Mapping new cells onto a reference: labels, principal components and UMAP."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from .. import _anndata, _arrays, _checks, _graphs, _progress
from .._compat import old_positionals
from .._core import engine
from .._seeds import seed_of
from ..neighbors._knn import METRICS, knn
from ..settings import logger, settings

#: Arguments of the search that scanpy passes on to its own; ours needs none of them.
_SEARCH_ARGUMENTS = {"queue_size", "epsilon", "random_state"}


@old_positionals("obs", "embedding_method", "labeling_method", "neighbors_key", "inplace")
def ingest(
    adata: AnnData,
    adata_ref: AnnData,
    *,
    obs: str | Iterable[str] | None = None,
    embedding_method: str | Iterable[str] = ("umap", "pca"),
    labeling_method: str | Iterable[str] = "knn",
    neighbors_key: str | None = None,
    inplace: bool = True,
    **kwargs: Any,
) -> AnnData | None:
    """Give new cells the labels and the place in the pictures of a reference, which stays as it is.

    Parity: components exact, labels by the same rule, UMAP of the same quality (``scanpy.tl.ingest``, that is
    umap-learn's transform). Neighbours are exact up to 20,000 reference cells, above with recall of at least 0.99;
    scanpy's are approximate. The same bytes at any thread count.

    Parameters
    ----------
    adata
        New cells x genes, normalised as the reference was. Its genes may lie in another order, and it may have more.
    adata_ref
        Reference cells x genes, with ``pp.neighbors`` (and for the embeddings ``pp.pca`` and ``tl.umap``) computed.
    obs
        Columns of ``adata_ref.obs`` whose categories the new cells get: the most frequent one among a cell's
        neighbours in the reference; the first of several that are.
    embedding_method
        'umap', 'pca' or both.
    labeling_method
        'knn'.
    neighbors_key
        Which neighbours of the reference: the ``key_added`` that ``pp.neighbors`` was given.
    inplace
        Write to ``adata``; else to a copy, which is returned.
    kwargs
        ``k``: neighbours that vote for the labels; default: as many as ``pp.neighbors`` took. ``queue_size``,
        ``epsilon`` and ``random_state`` of scanpy's search have no effect.

    Returns
    -------
    ``None``, or the copy. Written: ``obs[...]``, categories of the reference; ``obsm['rep']``, what the neighbours were
    searched in; ``obsm['X_pca']``; ``obsm['X_umap']``, float32.

    Raises
    ------
    ValueError
        The reference has no neighbours or lacks an embedding; genes of the reference are missing in ``adata``.
    KeyError
        One of ``obs`` is not there.
    NotImplementedError
        Another embedding or labeling method; a metric that the engine does not have.

    Notes
    -----
    McInnes, Healy and Melville (2018), UMAP.
    """
    labels = [obs] if isinstance(obs, str) else list(obs or [])
    methods = [embedding_method] if isinstance(embedding_method, str) else list(embedding_method)
    _check_methods(methods, labels, labeling_method)
    k = kwargs.pop("k", None)
    if unknown := set(kwargs) - _SEARCH_ARGUMENTS:
        raise TypeError(f"ingest() got unexpected keyword arguments {sorted(unknown)}; it takes k.")
    if not isinstance(adata_ref, AnnData):
        raise TypeError(f"adata_ref must be an AnnData, found {type(adata_ref).__name__}.")
    missing = [label for label in labels if label not in adata_ref.obs]
    if missing:
        raise KeyError(f"obs: {missing} not found; adata_ref.obs has {list(adata_ref.obs.columns)}.")
    with _anndata.transaction(adata, copy=not inplace) as target:
        logger.info("running ingest")
        reference = _Reference.of(adata_ref, neighbors_key)
        expression = _genes_of_reference(target.adata, adata_ref)
        components = functools.cache(lambda: reference.components(expression))
        rep = reference.represent(target.adata, expression, components)
        target.obsm["rep"] = rep
        n_voters = reference.n_neighbors if k is None else _checks.whole(k, "k", at_least=1)
        if "umap" in methods:
            reference.check_umap()
        if "pca" in methods:
            target.obsm["X_pca"] = components()
        if "umap" in methods or labels:
            indices, distances = reference.neighbors(rep, max(n_voters, reference.n_neighbors))
        if "umap" in methods:
            nearest = slice(0, reference.n_neighbors)
            target.obsm["X_umap"] = reference.umap(indices[:, nearest], distances[:, nearest])
        for label in labels:
            target.obs[label] = _most_frequent(adata_ref.obs[label], indices[:, :n_voters])
        logger.info("    finished: added %s", [*target.obsm, *labels])
    return None if inplace else target.adata


def _check_methods(methods: list[str], labels: list[str], labeling: str | Iterable[str]) -> None:
    if set(methods) - {"umap", "pca"}:
        raise NotImplementedError("Ingest supports only umap and pca embeddings for now.")
    labelings = [labeling] if isinstance(labeling, str) else list(labeling)
    if set(labelings) - {"knn"}:
        raise NotImplementedError("Ingest supports knn labeling for now.")
    if len(labelings) not in (1, len(labels)):
        raise ValueError(
            f"labeling_method has {len(labelings)} entries for {len(labels)} of obs: give one, or one each."
        )


def _genes_of_reference(adata: AnnData, reference: AnnData) -> Any:
    """The new cells' expression, with the genes of the reference in their order; names differ in case at most."""
    matrix, name = _anndata.picked(adata)
    matrix = _arrays.sound(matrix, name)
    _arrays.require_finite(matrix, name)
    wanted, found = reference.var_names.str.upper(), adata.var_names.str.upper()
    if wanted.equals(found):
        return matrix
    if not (wanted.is_unique and found.is_unique):
        raise ValueError(
            "Gene names that differ from those of the reference must be unique: adata.var_names_make_unique()."
        )
    places = found.get_indexer(wanted)
    if (places < 0).any():
        absent = list(reference.var_names[places < 0][:5])
        raise ValueError(
            "Variables in the new adata are different from variables in the reference adata: "
            f"{int((places < 0).sum())} of {len(wanted)} are missing, among them {absent}."
        )
    logger.info("genes are taken in the order of the reference")
    return matrix[:, places]


@dataclass(frozen=True)
class _Reference:
    """What the reference knows: the points in which neighbours are searched, and its pictures."""

    adata: AnnData
    points: Any
    #: Key of obsm, or 'X'.
    use_rep: str
    #: How many principal components were searched in; None where it was not in these, by their number.
    n_pcs: int | None
    n_neighbors: int
    metric: str

    @classmethod
    def of(cls, adata: AnnData, neighbors_key: str | None) -> _Reference:
        key = "neighbors" if neighbors_key is None else neighbors_key
        params = _graphs.of_neighbors(
            adata,
            key,
            otherwise=f'There is no neighbors data in `adata.uns["{key}"]`.\nPlease run pp.neighbors.',
        ).get("params", {})
        n_neighbors = _checks.whole(
            params.get("n_neighbors"), f"adata_ref.uns['{key}']['params']['n_neighbors']", at_least=1
        )
        use_rep, n_pcs = "X", None
        if "use_rep" in params:
            use_rep = params["use_rep"]
        elif "n_pcs" in params:
            use_rep, n_pcs = "X_pca", params["n_pcs"]
        elif adata.n_vars > 50 and "X_pca" in adata.obsm:
            use_rep, n_pcs = "X_pca", min(50, adata.obsm["X_pca"].shape[1])
        if use_rep != "X" and use_rep not in adata.obsm:
            raise ValueError(f"The neighbours of adata_ref come from adata_ref.obsm['{use_rep}'], which is not there.")
        points = _anndata.picked(adata, obsm=None if use_rep == "X" else use_rep)[0]
        name = f"adata_ref.{'X' if use_rep == 'X' else f'obsm[{use_rep!r}]'}"
        _arrays.require_finite(_arrays.sound(points, name), name)
        if params.get("metric_kwds"):
            raise NotImplementedError(f"the engine's metrics take no arguments, found {params['metric_kwds']}")
        if params.get("metric", "euclidean") not in METRICS:
            raise NotImplementedError(f"the engine has no metric {params['metric']!r}")
        return cls(
            adata,
            points if n_pcs is None else points[:, :n_pcs],
            use_rep,
            n_pcs,
            n_neighbors,
            params.get("metric", "euclidean"),
        )

    def represent(self, adata: AnnData, expression: Any, components: Callable[[], np.ndarray]) -> Any:
        """New cells as the points in which the reference's neighbours were found.

        ``components`` gives what :meth:`components` does, should they be these points.
        """
        if self.use_rep == "X":
            return expression
        if self.n_pcs is None and self.use_rep in adata.obsm:
            return adata.obsm[self.use_rep]
        if self.use_rep == "X_pca":
            return components()[:, : self.points.shape[1]].copy()
        raise ValueError(
            f"The neighbours of adata_ref come from obsm['{self.use_rep}']; adata.obsm needs it too, found "
            f"{sorted(adata.obsm)}."
        )

    def components(self, expression: Any) -> np.ndarray:
        """New cells on the reference's principal components, less the reference's means if it was centred."""
        if "pca" not in self.adata.uns or "PCs" not in self.adata.varm:
            raise ValueError("adata_ref has no principal components. Run pp.pca on it first.")
        loadings = np.asarray(self.adata.varm["PCs"])
        _arrays.require_finite(loadings, "adata_ref.varm['PCs']")
        in_use = loadings.any(axis=1)
        loadings = np.ascontiguousarray(loadings[in_use], dtype=np.float64)
        placed = _product(expression[:, in_use], loadings)
        if self.adata.uns["pca"]["params"].get("zero_center", True):
            known, name = _anndata.picked(self.adata)
            means = np.asarray(_arrays.sound(known, name).mean(axis=0, dtype=np.float64)).ravel()
            placed -= means[in_use] @ loadings
        return placed

    def neighbors(self, rep: Any, k: int) -> tuple[np.ndarray, np.ndarray]:
        return knn(self.points, min(k, self.adata.n_obs), queries=rep, metric=self.metric)

    def check_umap(self) -> None:
        if "X_umap" not in self.adata.obsm or "umap" not in self.adata.uns:
            raise ValueError("adata_ref has no UMAP. Run tl.umap on it first, or leave 'umap' out of embedding_method.")
        _arrays.require_finite(self.adata.obsm["X_umap"], "adata_ref.obsm['X_umap']")
        for name in ("a", "b"):
            _checks.number(
                self.adata.uns["umap"].get("params", {}).get(name),
                f"adata_ref.uns['umap']['params']['{name}']",
                above=0,
                optional=False,
            )

    def umap(self, indices: np.ndarray, distances: np.ndarray) -> np.ndarray:
        """Where umap-learn's transform would put new cells, from their nearest cells in the reference."""
        params = self.adata.uns["umap"]["params"]
        finished = np.ascontiguousarray(self.adata.obsm["X_umap"], dtype=np.float32)
        indices, distances = np.ascontiguousarray(indices), np.ascontiguousarray(distances)
        # umap-learn: each of its constants for new data less by one or to a quarter of what it is for the first.
        weights = engine.memberships(distances, float(indices.shape[1]), 0.0, settings.n_threads)
        shares = weights / weights.sum(axis=1, keepdims=True)
        layout = np.einsum("ij,ijd->id", shares, finished[indices]).astype(np.float32)
        with _progress.bars(settings.verbosity >= 2):
            engine.place_by_umap(
                indices,
                weights,
                finished,
                layout,
                n_epochs=100 if len(layout) <= 10_000 else 30,
                a=float(params["a"]),
                b=float(params["b"]),
                alpha=0.25,
                gamma=1.0,
                negative_sample_rate=5,
                seed=seed_of(params.get("random_state", 0)),
                threads=settings.n_threads,
            )
        return layout


def _product(expression: Any, loadings: np.ndarray) -> np.ndarray:
    if _arrays.is_sparse(expression):
        return engine.multiply(_arrays.csr(expression, "adata.X"), loadings, settings.n_threads)
    return np.asarray(expression @ loadings, dtype=np.float64)


def _most_frequent(column: pd.Series, voters: np.ndarray) -> pd.Categorical:
    """The category that most of a cell's neighbours have, of several the first; missing where they have none."""
    categories = column.astype("category").cat
    codes = categories.codes.to_numpy()[voters]
    n_categories = len(categories.categories)
    cells = np.arange(len(voters))[:, None] * (n_categories + 1)
    votes = np.bincount((cells + codes + 1).ravel(), minlength=len(voters) * (n_categories + 1))
    votes = votes.reshape(len(voters), n_categories + 1)[:, 1:]
    winners = np.where(votes.any(axis=1), votes.argmax(axis=1), -1) if n_categories else np.full(len(voters), -1)
    return pd.Categorical.from_codes(winners, categories=categories.categories)
