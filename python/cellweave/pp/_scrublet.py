"""pp.scrublet and pp.scrublet_simulate_doublets: the protocol around the parts in _doublets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from .. import _anndata, _arrays, _checks, _doublets
from .._compat import old_positionals
from .._subset import take
from ..settings import logger


@old_positionals(
    "batch_key",
    "sim_doublet_ratio",
    "expected_doublet_rate",
    "stdev_doublet_rate",
    "synthetic_doublet_umi_subsampling",
    "knn_dist_metric",
    "normalize_variance",
    "log_transform",
    "mean_center",
    "n_prin_comps",
    "use_approx_neighbors",
    "get_doublet_neighbor_parents",
    "n_neighbors",
    "threshold",
    "verbose",
    "copy",
    "random_state",
)
def scrublet(
    adata: AnnData,
    adata_sim: AnnData | None = None,
    *,
    batch_key: str | None = None,
    sim_doublet_ratio: float = 2.0,
    expected_doublet_rate: float = 0.05,
    stdev_doublet_rate: float = 0.02,
    synthetic_doublet_umi_subsampling: float = 1.0,
    knn_dist_metric: Any = "euclidean",
    normalize_variance: bool = True,
    log_transform: bool = False,
    mean_center: bool = True,
    n_prin_comps: int = 30,
    use_approx_neighbors: bool | None = None,
    get_doublet_neighbor_parents: bool = False,
    n_neighbors: int | None = None,
    threshold: float | None = None,
    verbose: bool = True,
    copy: bool = False,
    random_state: Any = 0,
) -> AnnData | None:
    """Predict doublets from how many simulated doublets lie around each cell [Wolock2019]_.

    Parity: same doublets are simulated as by scanpy.pp.scrublet from the same seed; scores correlate above 0.999 with
    it, and exceed that where scanpy is told to search neighbours exactly (``use_approx_neighbors=False``): the engine
    always does. Needs no scikit-image.

    Parameters
    ----------
    adata
        Cells x genes, counts; one sample, or several named by ``batch_key``. With ``adata_sim``: already processed.
    adata_sim
        Simulated doublets, processed as ``adata`` was; see :func:`scrublet_simulate_doublets`.
    batch_key
        Column of ``adata.obs``; each of its values is treated as a sample of its own.
    sim_doublet_ratio
        Simulated doublets per observed cell.
    expected_doublet_rate
        Share of doublets to expect.
    stdev_doublet_rate
        Its uncertainty. Recorded errors of scores depend on it, the scores do not.
    synthetic_doublet_umi_subsampling
        Share of the added counts that a simulated doublet keeps.
    knn_dist_metric
        Metric of the neighbour search. Euclidean, manhattan, cosine and correlation run in the engine, others in
        scikit-learn, which must then be installed.
    normalize_variance, log_transform, mean_center
        Treatment of genes before the principal components.
    n_prin_comps
        Principal components.
    use_approx_neighbors
        The search is exact. As in scanpy, ``True`` leaves the cell itself out of its neighbours.
    get_doublet_neighbor_parents
        Also keep the parents of the simulated neighbours of every cell.
    n_neighbors
        Neighbours per observed cell. ``None``: half the square root of the number of cells.
    threshold
        Score above which a cell is called a doublet. ``None``: the minimum between the two modes of the simulated
        doublets' scores.
    verbose
        Log the threshold and the rates.
    copy
        Return a changed copy.
    random_state
        Seed of the simulation.

    Returns
    -------
    ``None``, or the copy. Written: ``obs['doublet_score']`` (float64), ``obs['predicted_doublet']`` (bool), and
    ``uns['scrublet']`` with ``doublet_scores_sim``, ``doublet_parents``, ``parameters`` and, if one was found or given,
    ``threshold``; with ``batch_key`` these are in ``uns['scrublet']['batches']``. Cells with fewer than 3 genes have no
    score (NaN).

    Raises
    ------
    ValueError
        ``batch_key`` is no column, too few cells or genes for ``n_prin_comps``, parameters out of range, counts that
        are negative, NaN or infinite.

    References
    ----------
    .. [Wolock2019] Wolock, Lopez and Klein, Cell Systems 8, 281.
    """
    _check_rates(sim_doublet_ratio, synthetic_doublet_umi_subsampling)
    _checks.number(expected_doublet_rate, "expected_doublet_rate", above=0, optional=False)
    if not expected_doublet_rate < 1:
        raise ValueError(f"expected_doublet_rate must be below 1, found {expected_doublet_rate!r}.")
    _checks.number(n_neighbors, "n_neighbors", above=0)
    _checks.number(threshold, "threshold")
    with _anndata.transaction(adata, copy=copy) as target:
        matrix = target.matrix()
        _arrays.require_finite(matrix, "adata.X")

        def run(cells: Any) -> tuple[pd.DataFrame, dict[str, Any]]:
            if adata_sim is None:
                prepared = _prepare(
                    cells,
                    sim_doublet_ratio,
                    synthetic_doublet_umi_subsampling,
                    random_state,
                    log_transform=log_transform,
                )
            else:
                if adata_sim.n_vars != adata.n_vars:
                    raise ValueError(f"adata_sim has {adata_sim.n_vars} genes, adata has {adata.n_vars}.")
                prepared = _Prepared(cells, adata_sim.X, np.asarray(adata_sim.obsm["doublet_parents"]))
            embedded = _doublets.embed(
                prepared.observed,
                prepared.simulated,
                n_prin_comps,
                mean_center=mean_center,
                normalize_variance=normalize_variance,
            )
            recorded = adata_sim.uns if adata_sim is not None else {}
            ratio = recorded.get("scrublet", {}).get("parameters", {}).get("sim_doublet_ratio", None)
            return _called(
                prepared,
                *embedded,
                n_neighbors=n_neighbors,
                expected_rate=expected_doublet_rate,
                metric=knn_dist_metric,
                leaves_itself_out=bool(use_approx_neighbors),
                keeps_parents=get_doublet_neighbor_parents,
                threshold=threshold,
                verbose=verbose,
                parameters={
                    "expected_doublet_rate": expected_doublet_rate,
                    "sim_doublet_ratio": sim_doublet_ratio if adata_sim is None else ratio,
                    "random_state": random_state,
                },
                n_cells=cells.shape[0],
            )

        if batch_key is None:
            table, target.uns["scrublet"] = run(matrix)
            table = table[["doublet_score", "predicted_doublet"]]
        else:
            table, target.uns["scrublet"] = _by_batch(target.adata, matrix, batch_key, run)
        for column in table.columns:
            target.obs[column] = table[column].to_numpy()
    return target.adata if copy else None


@old_positionals("layer", "sim_doublet_ratio", "synthetic_doublet_umi_subsampling", "random_seed")
def scrublet_simulate_doublets(
    adata: AnnData,
    *,
    layer: str | None = None,
    sim_doublet_ratio: float = 2.0,
    synthetic_doublet_umi_subsampling: float = 1.0,
    random_seed: Any = 0,
) -> AnnData:
    """Simulate doublets by adding the counts of random pairs of observed cells.

    Parity: exact (scanpy.pp.scrublet_simulate_doublets: the same pairs from the same seed). With subsampling the
    counts are the same too, but the totals are drawn from ``random_seed`` and not from numpy's global state.

    Parameters
    ----------
    adata
        Cells x genes, counts, filtered to the genes to use.
    layer
        Layer that holds the counts, instead of ``X``.
    sim_doublet_ratio
        Simulated doublets per observed cell.
    synthetic_doublet_umi_subsampling
        Share of the added counts that a doublet keeps.
    random_seed
        Seed, or a RandomState.

    Returns
    -------
    AnnData of doublets x genes: ``X`` (CSC), ``obs['n_counts']``, ``obsm['doublet_parents']`` (pairs of row numbers of
    ``adata``) and ``uns['scrublet']['parameters']``.

    Raises
    ------
    ValueError
        A ratio or rate out of range; more doublets than pairs.
    """
    _check_rates(sim_doublet_ratio, synthetic_doublet_umi_subsampling)
    counts, name = _anndata.picked(adata, layer=layer)
    _arrays.require_finite(counts, name)
    doublets, totals, parents = _simulated(
        _as_csr(counts), sim_doublet_ratio, synthetic_doublet_umi_subsampling, random_seed
    )
    simulated = AnnData(doublets.tocsc())
    simulated.obs["n_counts"] = totals
    simulated.obsm["doublet_parents"] = parents
    simulated.uns["scrublet"] = {"parameters": {"sim_doublet_ratio": sim_doublet_ratio}}
    return simulated


@dataclass(frozen=True)
class _Prepared:
    """Observed and simulated cells on the same genes, and which cells were kept with how many genes."""

    observed: Any
    simulated: Any
    parents: np.ndarray
    kept: np.ndarray | None = None
    n_genes: np.ndarray | None = None


def _check_rates(ratio: float, rate: float) -> None:
    _checks.number(ratio, "sim_doublet_ratio", above=0, optional=False)
    _checks.number(rate, "synthetic_doublet_umi_subsampling", above=0, optional=False)


def _as_csr(matrix: Any) -> sparse.csr_matrix:
    if _arrays.is_sparse(matrix) and matrix.format in ("csr", "csc"):
        _arrays.compressed(matrix, readable=(matrix.dtype,))
    return sparse.csr_matrix(matrix)


def _simulated(
    counts: sparse.csr_matrix, ratio: float, rate: float, seed: Any
) -> tuple[sparse.csr_matrix, np.ndarray, np.ndarray]:
    random_state = _doublets.random_state_of(seed)
    parents = _doublets.distinct_pairs(counts.shape[0], int(counts.shape[0] * ratio), random_state)
    doublets, totals = _doublets.simulated_counts(counts, parents, rate, random_state)
    return doublets, totals, parents


def _prepare(matrix: Any, ratio: float, rate: float, seed: Any, *, log_transform: bool) -> _Prepared:
    """Filters, finds variable genes, simulates from the raw counts of those, and normalises both alike."""
    from . import filter_cells, filter_genes, highly_variable_genes, log1p, normalize_total

    counts = _as_csr(matrix)
    genes: Any = filter_genes(counts, min_cells=3)
    counts = take(counts, genes[0], 1)
    cells: Any = filter_cells(counts, min_genes=3)
    kept, n_genes = cells
    counts = take(counts, kept, 0)
    if 0 in counts.shape:
        raise ValueError(
            "No cell with at least 3 genes, each in at least 3 cells, is left: adata.X holds no usable counts."
        )
    observed = AnnData(counts.copy())
    normalize_total(observed)
    logged = AnnData(observed.X.copy())
    log1p(logged)
    highly_variable_genes(logged)
    variable = logged.var["highly_variable"].to_numpy()
    observed = AnnData(take(observed.X, variable, 1))
    doublets, _, parents = _simulated(take(counts, variable, 1), ratio, rate, seed)
    simulated = AnnData(doublets)
    for cells in (observed, simulated):
        if log_transform:
            log1p(cells)
        normalize_total(cells, target_sum=1e6)
    return _Prepared(observed.X, simulated.X, parents, kept, n_genes[kept])


def _called(
    prepared: _Prepared,
    observed: np.ndarray,
    simulated: np.ndarray,
    *,
    n_neighbors: int | None,
    expected_rate: float,
    metric: Any,
    leaves_itself_out: bool,
    keeps_parents: bool,
    threshold: float | None,
    verbose: bool,
    parameters: dict[str, Any],
    n_cells: int,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Scores, the threshold and the calls: new columns of obs, and what goes into uns."""
    n_observed, n_simulated = observed.shape[0], simulated.shape[0]
    if n_neighbors is None:
        n_neighbors = round(0.5 * np.sqrt(n_observed))
    ratio = n_simulated / n_observed
    k = round(n_neighbors * (1 + ratio))
    neighbors = _doublets.nearest(np.vstack([observed, simulated]), k, metric)
    neighbors = neighbors[:, 1:] if leaves_itself_out else neighbors
    scores = _doublets.doublet_likelihood((neighbors >= n_observed).sum(axis=1), k, ratio, expected_rate)
    of_observed, of_simulated = scores[:n_observed], scores[n_observed:]
    record = {
        "doublet_scores_sim": of_simulated,
        "doublet_parents": prepared.parents,
        "parameters": {**parameters, "n_neighbors": n_neighbors},
    }
    if threshold is None:
        threshold = _doublets.threshold_between_modes(of_simulated)
        if threshold is not None and verbose:
            logger.info("Automatically set threshold at doublet score = %.2f", threshold)
        elif verbose:
            logger.warning("Failed to automatically identify doublet score threshold. Give one: threshold=...")
    if threshold is None:
        predicted = np.zeros(n_observed, dtype=bool)
    else:
        predicted = of_observed > threshold
        record["threshold"] = threshold
        if verbose:
            _log_rates(predicted, of_simulated > threshold, expected_rate)
    if keeps_parents:
        record["doublet_neighbor_parents"] = [
            np.unique(prepared.parents[row[row >= n_observed] - n_observed].ravel()) for row in neighbors[:n_observed]
        ]
    table = pd.DataFrame({"doublet_score": of_observed, "predicted_doublet": predicted})
    if prepared.n_genes is not None:
        table.insert(0, "n_genes", prepared.n_genes)
    if prepared.kept is not None and not prepared.kept.all():
        table = table.set_index(np.flatnonzero(prepared.kept)).reindex(np.arange(n_cells))
    return table, record


def _log_rates(observed: np.ndarray, simulated: np.ndarray, expected: float) -> None:
    detected, detectable = observed.mean(), simulated.mean()
    overall = detected / detectable if detectable else np.nan
    logger.info(
        "Detected doublet rate = %.1f%%\nEstimated detectable doublet fraction = %.1f%%\n"
        "Overall doublet rate:\n\tExpected   = %.1f%%\n\tEstimated  = %.1f%%",
        *(100 * rate for rate in (detected, detectable, expected, overall)),
    )


def _by_batch(adata: AnnData, matrix: Any, batch_key: str, run: Any) -> tuple[pd.DataFrame, dict[str, Any]]:
    if batch_key not in adata.obs.columns:
        raise ValueError(
            "`batch_key` must be a column of .obs in the input AnnData object,"
            f"but {batch_key!r} is not in {adata.obs.keys()!r}."
        )
    labels = adata.obs[batch_key].to_numpy()
    tables, records = [], {}
    for batch in np.unique(labels):
        rows = np.flatnonzero(labels == batch)
        table, records[batch] = run(take(matrix, rows, 0))
        tables.append(table.set_index(rows))
    return pd.concat(tables).sort_index(), {"batches": records, "batched_by": batch_key}
