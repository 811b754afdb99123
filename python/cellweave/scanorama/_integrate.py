"""integrate and correct: from matrices and gene lists to a shared embedding and corrected expression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _checks, _progress
from ._assembly import move_all, plan_request
from ._embedding import choose_genes, embed
from ._expression import Expression
from ._inputs import (
    ALPHA,
    APPROX,
    BATCH_SIZE,
    DIMRED,
    HVG,
    KNN,
    SIGMA,
    SKETCH_METHODS,
    VERBOSE,
    Stack,
    plan_genes,
    stack,
)
from ._report import Report
from ._request import Request, checked_request
from ._sketch import integrate_sketches


@dataclass
class Prepared:
    """Normalised cells and their embedding."""

    cells: Stack
    genes: np.ndarray
    coordinates: np.ndarray
    rng: np.random.RandomState


def prepare(request: Request) -> Prepared:
    """Genes, normalisation, decomposition."""
    plan = plan_genes(
        request.datasets, request.genes_list, request.ds_names, union=request.union, verbose=request.verbose
    )
    plan = choose_genes(request.datasets, plan, request.hvg, union=request.union)
    cells = stack(request.datasets, plan, normalize=True, union=request.union)
    rng = np.random.RandomState(request.seed)
    dtype = np.float32 if request.matching.approx else np.float64
    return Prepared(cells, plan.genes, embed(cells.matrix, request.dimred, rng, dtype=dtype), rng)


def _split(coordinates: np.ndarray, offsets: np.ndarray) -> list[np.ndarray]:
    return [coordinates[offsets[i] : offsets[i + 1]] for i in range(len(offsets) - 1)]


def correct(
    datasets_full: Sequence[Any],
    genes_list: Sequence[Sequence[str]],
    return_dimred: bool = False,
    batch_size: int | None = BATCH_SIZE,
    verbose: bool | int = VERBOSE,
    ds_names: Sequence[str] | None = None,
    dimred: int = DIMRED,
    approx: bool = APPROX,
    sigma: float = SIGMA,
    alpha: float = ALPHA,
    knn: int = KNN,
    return_dense: bool = False,
    hvg: int | None = HVG,
    union: bool = False,
    seed: int = 0,
    *,
    order: Sequence[int | str] | None = None,
    out: Sequence[Any] | None = None,
    return_report: bool = False,
) -> tuple[Any, ...]:
    """Integrate data sets and correct their expression values.

    Parity: exact with ``approx=False`` (rtol 1e-4 of the values); see :func:`integrate` for the steps. The matched
    cells pull on expression as they pull on the embedding, with weights from distances between normalised expression
    profiles.

    Memory: beyond the result, one block of weights and 256 genes of the matched cells at a time.

    Parameters
    ----------
    datasets_full, genes_list, batch_size, verbose, ds_names, dimred, approx, sigma, alpha, knn, hvg, union, seed, order
        As :func:`integrate`.
    return_dimred
        Return the integrated embeddings as well, first.
    return_dense
        Return numpy arrays instead of CSR matrices.
    out
        One writable array (numpy, or a dataset of an open h5py file) of cells x genes per data set: corrected values
        are written there, block by block of cells, and it is returned in place of a matrix. Needs the number of genes
        beforehand: give all data sets the same genes.
    return_report
        Return the :class:`Report` as well, last.

    Returns
    -------
    ``(corrected, genes)``, or ``(integrated, corrected, genes)`` with ``return_dimred``: lists of CSR matrices (or
    arrays), cells x genes, length-normalised before correction. Genes are in alphabetical order.
    """
    request = checked_request(
        datasets_full,
        genes_list,
        batch_size=batch_size,
        verbose=verbose,
        ds_names=ds_names,
        dimred=dimred,
        approx=approx,
        sigma=sigma,
        alpha=alpha,
        knn=knn,
        union=union,
        hvg=hvg,
        seed=seed,
        order=order,
    )
    with _progress.bars(bool(verbose)):
        prepared = prepare(request)
        offsets = prepared.cells.offsets
        table, plan = plan_request(request, prepared.coordinates, offsets)
        expression = Expression([prepared.cells.dataset(i) for i in range(len(offsets) - 1)])
        expression.require_room(out)
        move_all(plan, prepared.coordinates, offsets, table.pairs, request.matching)
        expression.move_all(plan, table.pairs, request.matching)
    if out is not None:
        corrected = expression.written_to(out)
    else:
        corrected = expression.as_dense() if return_dense else expression.as_csr()
    result: tuple[Any, ...] = (corrected, prepared.genes)
    if return_dimred:
        result = (_split(prepared.coordinates, offsets), *result)
    if return_report:
        result = (*result, Report.of(table, plan, request.names, request.matching.alpha, with_pairs=True))
    return result


def integrate(
    datasets_full: Sequence[Any],
    genes_list: Sequence[Sequence[str]],
    batch_size: int | None = BATCH_SIZE,
    verbose: bool | int = VERBOSE,
    ds_names: Sequence[str] | None = None,
    dimred: int = DIMRED,
    approx: bool = APPROX,
    sigma: float = SIGMA,
    alpha: float = ALPHA,
    knn: int = KNN,
    union: bool = False,
    hvg: int | None = HVG,
    seed: int = 0,
    sketch: bool = False,
    sketch_method: str = "geosketch",
    sketch_max: int = 10000,
    *,
    order: Sequence[int | str] | None = None,
    return_report: bool = False,
) -> tuple[Any, ...]:
    """Integrate data sets into one low-dimensional space.

    Genes common to all data sets; cells scaled to length one; centred randomised SVD of all cells together; mutual
    nearest neighbours between data sets; data sets moved onto one another by the smoothed vectors between matched
    cells, best aligned first.

    Parity: with ``approx=False`` the mutual matches and the order of assembly are scanorama 1.7.4's, and so are the
    coordinates, up to the sign of each dimension. With ``approx=True`` more than 99.9 % of the matches are those of
    the exact search. Same input, same seed: the same bytes at any number of threads. The global random state is not
    touched.

    Parameters
    ----------
    datasets_full
        Matrices, cells x genes: numpy arrays or scipy sparse matrices (any format, float or integer). Not changed.
    genes_list
        Names of the columns of each data set.
    batch_size
        Accepted for scanorama's sake: memory is one tile whatever it is.
    verbose
        0 is silent. Otherwise prints what is aligned and shows progress, and above 1 the table of scores.
    ds_names
        Names of the data sets, for messages, ``order`` and the report.
    dimred
        Dimensions of the embedding; at most as many as there are cells and genes.
    approx
        Decompose in float32, rank only candidates that are close by rounded distances, and let many similar cells
        share one linear shift where that is within a hundredth of a standard deviation.
    sigma
        Larger: less smoothing; each cell follows its nearest matched cells alone.
    alpha
        Data sets align if the larger share of cells with a match is above it.
    knn
        Neighbours of a cell in the search. More: more matches, also wrong ones.
    union
        Use the genes of any data set, absent ones as zero.
    hvg
        Use that many genes, those with the largest E[x^2] / E[x].
    seed
        Of the random start of the SVD, and of sketching.
    sketch
        Integrate a sketch of each data set, then move every cell with the sketch cells near it. For very many cells.
    sketch_method
        ``'geosketch'`` or ``'uniform'``.
    sketch_max
        Cells to which larger data sets are reduced.
    order
        Guides the assembly: the data sets (numbers or ``ds_names``) in the order in which they are to be joined. The
        first stays where it is; each next one moves onto those before it if it aligns with one.
    return_report
        Return the :class:`Report` (scores, alignments, panoramas, matched pairs) as well.

    Returns
    -------
    integrated
        Per data set cells x ``dimred``, float64.
    genes
        The genes in use, in alphabetical order.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what was found, and what to do.

    References
    ----------
    Hie, Bryson and Berger, Nature Biotechnology 2019. Sketching: Hie, Cho, DeMeo, Bryson and Berger, Cell Systems 2019.
    """
    request = checked_request(
        datasets_full,
        genes_list,
        batch_size=batch_size,
        verbose=verbose,
        ds_names=ds_names,
        dimred=dimred,
        approx=approx,
        sigma=sigma,
        alpha=alpha,
        knn=knn,
        union=union,
        hvg=hvg,
        seed=seed,
        order=order,
    )
    if not isinstance(sketch_method, str) or sketch_method.lower() not in SKETCH_METHODS:
        raise ValueError(f"sketch_method must be 'geosketch' or 'uniform', found {sketch_method!r}.")
    sketch_max = _checks.whole(sketch_max, "sketch_max", at_least=1)
    with _progress.bars(bool(verbose)):
        prepared = prepare(request)
        coordinates, offsets = prepared.coordinates, prepared.cells.offsets
        if sketch:
            coordinates, table, plan = integrate_sketches(
                coordinates, offsets, sketch_method.lower(), sketch_max, prepared.rng, request
            )
        else:
            table, plan = plan_request(request, coordinates, offsets)
            move_all(plan, coordinates, offsets, table.pairs, request.matching)
    result = (_split(coordinates, offsets), prepared.genes)
    if return_report:
        return (*result, Report.of(table, plan, request.names, request.matching.alpha, with_pairs=True))
    return result
