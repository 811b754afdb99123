"""t-SNE layouts."""

from __future__ import annotations

import numbers
from typing import Any, Literal

import numpy as np
from anndata import AnnData

from .. import _anndata, _arrays, _checks, _progress
from .._compat import old_positionals, warn
from .._core import engine
from .._seeds import RandomState, seed_of
from ..neighbors._knn import METRICS, knn
from ..pp._neighbors import _representation
from ..settings import logger, settings
from ..settings import threads as on_threads

#: Pairs of cell and neighbour from which on neighbours are sampled: 8 bytes each while the affinities are made.
_MAX_PAIRS = 60_000_000
_N_EXAGGERATED = 250


@old_positionals(
    "use_rep",
    "perplexity",
    "early_exaggeration",
    "learning_rate",
    "random_state",
    "use_fast_tsne",
    "n_jobs",
    "copy",
)
def tsne(
    adata: AnnData,
    n_pcs: int | None = None,
    *,
    n_components: int = 2,
    use_rep: str | None = None,
    perplexity: float = 30,
    metric: str = "euclidean",
    early_exaggeration: float = 12,
    learning_rate: float | Literal["auto"] = 1000,
    random_state: RandomState = 0,
    use_fast_tsne: bool = False,
    n_jobs: int | None = None,
    key_added: str | None = None,
    copy: bool = False,
    max_iter: int = 1000,
) -> AnnData | None:
    """Lay cells out, in the plane as a rule, so that each keeps its neighbours: t-SNE.

    Parity: same quality (``scanpy.tl.tsne`` and openTSNE, by Kullback-Leibler divergence). The same bytes at any thread
    count. Exact repulsion up to 2,500 cells, interpolation on a grid and FFT above.

    Parameters
    ----------
    adata
        Cells x genes.
    n_pcs
        Columns of the representation to use; 0 means ``X``.
    n_components
        Dimensions of the layout. The engine has the plane; for any other number scikit-learn runs, which is logged.
    use_rep
        'X' or a key of ``adata.obsm``. Default: ``X_pca``, or ``X`` of up to 50 genes.
    perplexity
        About how many neighbours count, above 1 and below the number of cells; 3 x perplexity neighbours are searched
        (all cells, where there are fewer). Above 60 million pairs of cell and neighbour, every s-th neighbour
        stands for s of them, with the perplexity divided by s.
    metric
        'euclidean', 'cosine', 'manhattan', 'correlation' on the engine; others by scikit-learn, which is logged.
    early_exaggeration
        Factor of the attraction in the first 250 steps, at least 1.
    learning_rate
        Step length in scikit-learn's units, or 'auto': cells / (4 early_exaggeration) in the first 250 steps and
        cells / 4 after, at least 50 (Belkina et al. 2019).
    random_state
        Seed of the tiny noise that parts cells which coincide in the start (the first two principal components).
    use_fast_tsne
        Deprecated, ignored.
    n_jobs
        Threads; default ``cellweave.settings.n_threads``.
    key_added
        Key of ``adata.obsm`` and ``adata.uns`` to write; default 'X_tsne' and 'tsne'.
    copy
        Write to a copy and return it.
    max_iter
        Steps in all (an extra).

    Returns
    -------
    ``None``, or the copy. Written: ``obsm['X_tsne' or key_added]``, float32, cells x n_components;
    ``uns['tsne' or key_added]['params']``, and ``['kl_divergence']`` (an extra).

    Raises
    ------
    ValueError
        Perplexity or another parameter out of range; NaN or infinite coordinates; a representation that is not there.

    Notes
    -----
    Van der Maaten and Hinton (2008), Visualizing data using t-SNE; Linderman et al. (2019), Fast interpolation-based
    t-SNE for improved visualization of single-cell RNA-seq data.
    """
    if use_fast_tsne:
        warn("Argument `use_fast_tsne` is deprecated and ignored.", FutureWarning)
    elif n_jobs not in (None, 1):
        warn(
            "In previous versions of scanpy, calling tsne with `n_jobs` > 1 would use MulticoreTSNE. "
            "Here it is the number of threads, for which `cellweave.settings.n_threads` is the better place."
        )
    n_dims = _checks.whole(n_components, "n_components", at_least=1)
    rate = _checked_rate(learning_rate)
    n_steps = _checks.whole(max_iter, "max_iter", at_least=0)
    n_threads = settings.n_threads if n_jobs is None or n_jobs < 1 else _checks.whole(n_jobs, "n_jobs", at_least=1)
    seed = seed_of(random_state)
    with _anndata.transaction(adata, copy=copy) as target, on_threads(n_threads):
        points, name = _representation(target, use_rep, n_pcs)
        points = _arrays.coordinates(points, name)
        _check_perplexity(perplexity, len(points))
        logger.info("computing tSNE")
        with _progress.bars(settings.verbosity >= 2):
            if n_dims == 2:
                affinities = _affinities(points, float(perplexity), metric)
                layout = _start(points, seed)
                divergence = engine.optimize_tsne(
                    affinities,
                    layout,
                    n_iterations=n_steps,
                    n_exaggerated=_N_EXAGGERATED,
                    exaggeration=float(early_exaggeration),
                    learning_rate=rate,
                    threads=n_threads,
                )
            else:
                layout, divergence = _by_sklearn(
                    points,
                    n_components=n_dims,
                    perplexity=float(perplexity),
                    metric=metric,
                    early_exaggeration=float(early_exaggeration),
                    learning_rate=rate or "auto",
                    max_iter=n_steps,
                    random_state=seed % 2**32,
                    n_jobs=n_threads,
                )
        params = {
            "perplexity": perplexity,
            "early_exaggeration": early_exaggeration,
            "learning_rate": learning_rate,
            "n_jobs": 1 if n_jobs is None else n_jobs,  # what was asked for: results do not depend on threads
            "metric": metric,
            "use_rep": use_rep,
            "n_components": n_dims,
        }
        key_uns, key_obsm = ("tsne", "X_tsne") if key_added is None else (key_added, key_added)
        target.obsm[key_obsm] = layout
        target.uns[key_uns] = {
            "params": {key: value for key, value in params.items() if value is not None},
            "kl_divergence": divergence,
        }
        logger.info("    finished: added\n    '%s', tSNE coordinates (adata.obsm)", key_obsm)
    return target.adata if copy else None


def _by_sklearn(points: np.ndarray, **options: Any) -> tuple[np.ndarray, float]:
    import inspect

    from sklearn.manifold import TSNE

    logger.warning("tsne: scikit-learn runs, because the engine lays out in two dimensions only")
    steps = "max_iter" if "max_iter" in inspect.signature(TSNE).parameters else "n_iter"  # before scikit-learn 1.5
    options[steps] = options.pop("max_iter")
    method = TSNE(method="barnes_hut" if options["n_components"] < 4 else "exact", **options)
    return method.fit_transform(points).astype(np.float32), float(method.kl_divergence_)


def _checked_rate(learning_rate: Any) -> float:
    """The learning rate, 0 for 'auto'."""
    if isinstance(learning_rate, str) and learning_rate == "auto":
        return 0.0
    if not isinstance(learning_rate, numbers.Real) or not np.isfinite(rate := float(learning_rate)) or rate <= 0:
        raise ValueError(f"learning_rate must be finite and positive, or 'auto'; found {learning_rate!r}.")
    return rate


def _check_perplexity(perplexity: Any, n_cells: int) -> None:
    if not isinstance(perplexity, numbers.Real) or not 1 < float(perplexity) <= n_cells - 1:
        raise ValueError(
            f"perplexity must be above 1 and below the number of cells, {n_cells}; found {perplexity!r}. "
            "About 30 is usual; a third of the cells is the most that makes sense."
        )


def _neighbors(points: np.ndarray, queries: slice, k: int, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest other cells of some cells."""
    if metric in METRICS:
        indices, distances = knn(points, k + 1, queries=points[queries], metric=metric)
    else:
        from sklearn.neighbors import NearestNeighbors

        logger.warning("tsne: the engine has no metric %r; neighbours are searched by scikit-learn", metric)
        distances, indices = NearestNeighbors(n_neighbors=k + 1, metric=metric).fit(points).kneighbors(points[queries])
    own = np.arange(len(points))[queries]
    is_self = indices == own[:, None]
    is_self[~is_self.any(axis=1), -1] = True  # more than k cells coincide with this one: any k of them will do
    others = ~is_self
    return indices[others].reshape(-1, k).astype(np.int32), distances[others].reshape(-1, k).astype(np.float32)


def _affinities(points: np.ndarray, perplexity: float, metric: str) -> Any:
    n = len(points)
    k = min(n - 1, int(3 * perplexity))
    step = -(-n * k // _MAX_PAIRS)
    if step > 1:
        logger.info("tsne: one of %d neighbours stands for all of them", step)
    n_kept = k // step
    indices = np.empty((n, n_kept), np.int32)
    distances = np.empty((n, n_kept), np.float32)
    block = max(1, min(n, _MAX_PAIRS // k))
    for begin in range(0, n, block):
        rows = np.arange(begin, min(n, begin + block))
        near, far = _neighbors(points, slice(begin, begin + block), k, metric)
        columns = rows[:, None] % step + step * np.arange(n_kept)
        indices[rows] = np.take_along_axis(near, columns, axis=1)
        distances[rows] = np.take_along_axis(far, columns, axis=1)
    return engine.tsne_affinities(indices, distances, perplexity / step, settings.n_threads)


def _start(points: np.ndarray, seed: int) -> np.ndarray:
    """The first two principal components, scaled to a deviation of 1e-4; each one's largest loading is positive."""
    centred = points - points.mean(axis=0, dtype=np.float64)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    loadings = vectors[:, ::-1][:, :2]
    loadings = loadings * np.sign(loadings[np.abs(loadings).argmax(axis=0), np.arange(loadings.shape[1])])
    start = np.zeros((len(points), 2))
    start[:, : loadings.shape[1]] = centred @ loadings
    deviation = start[:, 0].std()
    start *= 1e-4 / deviation if deviation > 0 else 0.0
    start += np.random.RandomState(seed % 2**32).normal(scale=1e-6, size=start.shape)
    return np.ascontiguousarray(start, dtype=np.float32)
