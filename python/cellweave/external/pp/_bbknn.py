"""Batch-balanced neighbours: each cell's nearest in every batch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from ... import _anndata, _arrays, _checks
from ..._compat import old_positionals
from ...neighbors import _graph
from ...neighbors._knn import METRICS, knn
from ...neighbors._search import with_self_first
from ...settings import logger


@old_positionals("batch_key", "use_rep", "approx", "use_annoy", "metric", "copy")
def bbknn(
    adata: AnnData,
    *,
    batch_key: str = "batch",
    use_rep: str = "X_pca",
    approx: bool = True,
    use_annoy: bool = True,
    metric: str | Callable = "euclidean",
    copy: bool = False,
    neighbors_within_batch: int = 3,
    n_pcs: int = 50,
    trim: int | None = None,
    annoy_n_trees: int = 10,
    pynndescent_n_neighbors: int = 30,
    pynndescent_random_state: int = 0,
    use_faiss: bool = True,
    set_op_mix_ratio: float = 1.0,
    local_connectivity: int = 1,
    key_added: str | None = None,
    computation: str | None = None,
) -> AnnData | None:
    """Neighbourhood graph in which every batch gives each cell the same number of neighbours.

    Parity: exact (bbknn 1.6 with its exact search, float32 rounding) where each batch is searched exactly, see
    :func:`cellweave.neighbors.knn`; same quality otherwise.

    Parameters
    ----------
    adata
        Cells, with the embedding in ``obsm[use_rep]``.
    batch_key
        Column of ``obs`` that names the batches.
    use_rep
        Key of ``obsm``.
    approx, use_annoy, use_faiss, annoy_n_trees, pynndescent_n_neighbors, pynndescent_random_state, computation
        Choose and tune bbknn's search; the engine's own search stands in for all of them.
    metric
        ``'euclidean'``, ``'manhattan'``, ``'cosine'``, ``'correlation'`` or ``'angular'``, the length of the
        difference of unit vectors.
    copy
        Whether to return a copy instead of writing to ``adata``.
    neighbors_within_batch
        Neighbours of each cell from each batch, itself included in its own.
    n_pcs
        Columns of the embedding to use; all of them where there are fewer.
    trim
        Connectivities that a cell keeps at most, the strongest. ``None``: 10 times its neighbours; 0: all.
    set_op_mix_ratio
        1: union of both directions; 0: mutual neighbours only.
    local_connectivity
        Nearest neighbours that get connectivity 1.
    key_added
        Prefix of the keys, as in :func:`cellweave.pp.neighbors`.

    Returns
    -------
    ``None``, or the copy. Writes ``obsp['distances']`` (float64), ``obsp['connectivities']`` (float32) and
    ``uns['neighbors']``, whose ``params['bbknn']['computation']`` is ``'cellweave'``.

    Raises
    ------
    ValueError
        Missing batch key or embedding, a batch of fewer cells than ``neighbors_within_batch``, NaN.
    NotImplementedError
        Any other metric.

    References
    ----------
    Polanski and others (2020), Bioinformatics 36, 964.
    """
    neighbors_within_batch = _checks.whole(neighbors_within_batch, "neighbors_within_batch", at_least=1)
    n_pcs = _checks.whole(n_pcs, "n_pcs", at_least=1)
    trim = None if trim is None else _checks.whole(trim, "trim", at_least=0)
    if not isinstance(metric, str) or metric not in (*METRICS, "angular"):
        raise NotImplementedError(f"the engine has no metric {metric!r}, only {[*METRICS, 'angular']}")
    with _anndata.transaction(adata, copy=copy) as target:
        if batch_key not in target.adata.obs:
            raise ValueError(f"Batch key '{batch_key}' not present in `adata.obs`.")
        if use_rep not in target.adata.obsm:
            raise ValueError(f"Did not find {use_rep} in `.obsm.keys()`. You need to compute it first.")
        points = _arrays.coordinates(target.matrix(obsm=use_rep), f"adata.obsm['{use_rep}']")[:, :n_pcs]
        batches = target.adata.obs[batch_key].astype(str).to_numpy()
        indices, distances = _nearest_in_each_batch(points, batches, neighbors_within_batch, metric)
        connectivities = _graph.fuzzy_union(
            indices, distances, local_connectivity=local_connectivity, set_op_mix_ratio=set_op_mix_ratio
        )
        trim = 10 * indices.shape[1] if trim is None else trim
        key, prefix = ("neighbors", "") if key_added is None else (key_added, f"{key_added}_")
        target.uns[key] = {
            "params": {
                "n_neighbors": indices.shape[1],
                "method": "umap",
                "metric": metric,
                "n_pcs": points.shape[1],
                "bbknn": {"trim": trim, "computation": "cellweave", "batch_key": batch_key},
                "use_rep": use_rep,
            },
            "distances_key": f"{prefix}distances",
            "connectivities_key": f"{prefix}connectivities",
        }
        target.obsp[f"{prefix}distances"] = _as_matrix(indices, distances)
        target.obsp[f"{prefix}connectivities"] = _trimmed(connectivities, trim) if trim > 0 else connectivities
    logger.info("bbknn: added to .uns['%s'], .obsp['%sdistances'] and .obsp['%sconnectivities']", key, prefix, prefix)
    return target.adata if copy else None


def _nearest_in_each_batch(
    points: np.ndarray, batches: np.ndarray, per_batch: int, metric: str
) -> tuple[np.ndarray, np.ndarray]:
    """Every cell's neighbours from all batches, by distance; the cell itself is first."""
    codes, names = pd.factorize(batches, sort=True)
    counts = np.bincount(codes)
    if counts.min() < per_batch:
        raise ValueError(
            f"Not all batches have at least `neighbors_within_batch` cells in them: '{names[counts.argmin()]}' has "
            f"{counts.min()}, but neighbors_within_batch={per_batch}."
        )
    searched = "cosine" if metric == "angular" else metric
    indices = np.empty((len(points), per_batch * len(names)), dtype=np.int32)
    distances = np.empty(indices.shape)
    for position in range(len(names)):
        members = np.flatnonzero(codes == position)
        columns = slice(position * per_batch, (position + 1) * per_batch)
        found, apart = knn(points[members], per_batch, queries=points, metric=searched, dtype=np.float64)
        found[members], apart[members] = with_self_first(found[members], apart[members])
        indices[:, columns], distances[:, columns] = members[found], apart
    if metric == "angular":
        distances = np.sqrt(2 * distances)
    is_self = indices == np.arange(len(points))[:, None]
    order = np.argsort(np.where(is_self, -1, distances), axis=1, kind="stable")
    return np.take_along_axis(indices, order, axis=1), np.take_along_axis(distances, order, axis=1)


def _as_matrix(indices: np.ndarray, distances: np.ndarray) -> sparse.csr_matrix:
    """CSR of the distances, without those of zero, as bbknn keeps it."""
    n, k = indices.shape
    matrix = sparse.csr_matrix((distances.ravel(), indices.ravel(), np.arange(0, n * k + 1, k)), shape=(n, n))
    matrix.sort_indices()
    matrix.eliminate_zeros()
    return matrix


def _trimmed(connectivities: sparse.csr_matrix, trim: int) -> sparse.csr_matrix:
    """Without the edges that are not among the ``trim`` strongest of both their cells."""
    n_edges = np.diff(connectivities.indptr)
    weakest_kept = np.zeros(len(n_edges), dtype=connectivities.dtype)
    for cell in np.flatnonzero(n_edges > trim):
        strengths = connectivities.data[connectivities.indptr[cell] : connectivities.indptr[cell + 1]]
        weakest_kept[cell] = np.partition(strengths, -trim)[-trim]
    if not weakest_kept.any():
        return connectivities
    is_weak = connectivities.data < np.maximum(np.repeat(weakest_kept, n_edges), weakest_kept[connectivities.indices])
    trimmed = connectivities.copy()
    trimmed.data[is_weak] = 0
    trimmed.eliminate_zeros()
    return trimmed
