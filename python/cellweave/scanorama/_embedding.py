"""The shared low-dimensional space: choice of genes, normalisation, centred randomised SVD."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse

from .. import _arrays, _checks
from .._core import engine
from ..settings import settings
from ._inputs import DIMRED, HVG, GenePlan, Stack, stack


def most_dispersed(matrix: Any, n_genes: int) -> np.ndarray:
    """Mask of the genes with the largest E[x^2] / E[x] over all cells, in the arithmetic of scanorama."""
    matrix = sparse.csr_matrix(matrix)
    mean = np.asarray(matrix.mean(0)).ravel()
    is_expressed = mean > 1e-10
    expressed = matrix[:, np.flatnonzero(is_expressed)]
    dispersion = np.full(len(mean), -np.inf)
    square_mean = np.asarray(expressed.multiply(expressed).mean(0)).ravel()
    dispersion[is_expressed] = square_mean / np.asarray(expressed.mean(0)).ravel()
    mask = np.zeros(len(mean), dtype=bool)
    mask[np.argsort(dispersion)[::-1][:n_genes]] = True
    return mask


def start_matrix(rng: np.random.RandomState, n_cells: int, n_genes: int, n_components: int) -> np.ndarray:
    """The random start that fbpca draws; nothing is drawn where it decomposes directly."""
    width = n_components + 2
    if width >= n_cells / 1.25 or width >= n_genes / 1.25:
        return np.zeros((min(n_cells, n_genes), width))
    if n_cells >= n_genes:
        return rng.uniform(low=-1.0, high=1.0, size=(n_genes, width))
    return np.ascontiguousarray(rng.uniform(low=-1.0, high=1.0, size=(width, n_cells)).T)


def embed(
    matrix: sparse.csr_matrix, dimred: int, rng: np.random.RandomState, *, dtype: type[np.floating] = np.float64
) -> np.ndarray:
    """Left singular vectors times singular values of the centred matrix (float64), computed in ``dtype``."""
    n_cells, n_genes = matrix.shape
    n_components = min(dimred, n_cells, n_genes)
    start = start_matrix(rng, n_cells, n_genes, n_components).astype(dtype, copy=False)
    return engine.embed_cells(_arrays.compressed(matrix, "datasets"), start, n_components, settings.n_threads)


def embed_stack(cells: Stack, dimred: int, rng: np.random.RandomState) -> list[np.ndarray]:
    """The embedding of every data set: views of one array."""
    coordinates = embed(cells.matrix, dimred, rng)
    return [coordinates[cells.offsets[i] : cells.offsets[i + 1]] for i in range(len(cells.offsets) - 1)]


def choose_genes(datasets: Sequence[Any], plan: GenePlan, hvg: int | None, *, union: bool) -> GenePlan:
    """The plan, restricted to the ``hvg`` most dispersed genes where that is fewer."""
    if hvg is None or hvg <= 0 or hvg >= len(plan.genes):
        return plan
    merged = stack(datasets, plan, normalize=False, union=union)
    return plan.restricted(most_dispersed(merged.matrix, hvg))


def process_data(
    datasets: list[Any],
    genes: np.ndarray,
    hvg: int | None = HVG,
    dimred: int = DIMRED,
    verbose: bool | int = False,
    *,
    seed: int = 0,
) -> tuple[list[Any], np.ndarray]:
    """Normalise cells and reduce them to ``dimred`` dimensions together.

    Parity: same coordinates as scanorama's after ``np.random.seed(seed)``, up to the sign of each column.

    Parameters
    ----------
    datasets
        Matrices, cells x genes, on the same genes. The entries of this list are replaced by the normalised matrices.
    genes
        Names of the columns.
    hvg
        Keep that many genes, those with the largest E[x^2] / E[x].
    dimred
        Dimensions of the embedding. 0 or less: no embedding, the normalised matrices are returned.
    verbose
        Print the stages.
    seed
        Of the random start. scanorama reads numpy's global state instead; this function neither reads nor changes it.

    Returns
    -------
    The embeddings (float64) or normalised matrices, and the genes.
    """
    genes = np.asarray(genes)
    _checks.whole(dimred, "dimred", at_least=-1)
    identity = np.arange(len(genes), dtype=np.int64)
    plan = GenePlan(genes, [identity for _ in datasets])
    if hvg is not None and 0 < hvg < len(genes):
        if verbose:
            print("Highly variable filter...")
        plan = choose_genes(datasets, plan, hvg, union=False)
    if verbose:
        print("Normalizing...")
    cells = stack(datasets, plan, normalize=True)
    for i in range(len(datasets)):
        datasets[i] = cells.dataset(i)
    result = datasets
    if dimred > 0:
        if verbose:
            print("Reducing dimension...")
        result = embed_stack(cells, dimred, np.random.RandomState(seed))
    if verbose:
        print("Done processing.")
    return result, plan.genes
