"""What the caller gives: data sets, gene lists and parameters. Checked here, before anything is computed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from anndata import AnnData
from scipy import sparse

from .. import _arrays, _checks
from .._compat import warn
from .._core import engine
from ..settings import settings

ALPHA = 0.10
APPROX = True
BATCH_SIZE = 5000
DIMRED = 100
HVG = None
KNN = 20
SIGMA = 15
VERBOSE = 2

SKETCH_METHODS = ("geosketch", "gs", "uniform")


class MissingKey(KeyError, ValueError):
    """A key that AnnData does not have: a KeyError as scanpy's, and a ValueError as all wrong arguments are."""

    def __str__(self) -> str:
        return str(self.args[0])


def require_names(ds_names: Sequence[str] | None, n_datasets: int) -> list[str]:
    """Names of the data sets: the given ones, or their numbers."""
    if ds_names is None:
        return [str(i) for i in range(n_datasets)]
    if isinstance(ds_names, str) or len(ds_names) != n_datasets:
        found = repr(ds_names) if isinstance(ds_names, str) else f"{len(ds_names)} names"
        raise ValueError(f"ds_names must name each of the {n_datasets} data sets, found {found}.")
    return [str(name) for name in ds_names]


@dataclass(frozen=True)
class Matching:
    """Parameters of matching and moving, checked."""

    knn: int
    sigma: float
    alpha: float
    approx: bool
    #: Cells whose weights add up to less are not moved.
    least_total: float

    @classmethod
    def checked(cls, knn: Any, sigma: Any, alpha: Any, approx: Any, batch_size: Any) -> Matching:
        """From what a caller gives.

        ``batch_size`` bounds scratch memory in scanorama; here a tile does, whatever it is. What remains of it:
        without batches scanorama leaves totals of weights below 10 machine epsilons undivided, so that those cells
        stay.
        """
        if batch_size is not None:
            _checks.whole(batch_size, "batch_size", at_least=1)
        _checks.number(sigma, "sigma", above=0, optional=False)
        _checks.number(alpha, "alpha", above=-np.inf, optional=False)
        return cls(
            knn=_checks.whole(knn, "knn", at_least=1),
            sigma=float(sigma),
            alpha=float(alpha),
            approx=bool(approx),
            least_total=10 * np.finfo(np.float64).eps if batch_size is None else 0.0,
        )


def require_list(datasets: Any, name: str) -> list[Any]:
    """``datasets`` as a list that has something in it."""
    is_one = sparse.issparse(datasets) or isinstance(datasets, (str, AnnData, Mapping))
    if is_one or not isinstance(datasets, Iterable) or (isinstance(datasets, np.ndarray) and datasets.ndim == 2):
        raise TypeError(f"{name} must be a list of matrices, one per data set, found {type(datasets).__name__}.")
    datasets = list(datasets)
    if len(datasets) == 0:
        raise ValueError(f"{name} is empty; give at least one data set.")
    return datasets


def checked_dataset(matrix: Any, name: str) -> Any:
    """One matrix of cells x genes; an error that names what is wrong with it otherwise."""
    matrix = _arrays.checked(matrix, name)
    n_cells, n_genes = matrix.shape
    if n_cells == 0 or n_genes == 0:
        raise ValueError(f"{name} has {n_cells} cells and {n_genes} genes; leave out data sets without either.")
    if sparse.issparse(matrix):
        _arrays.compressed(matrix, name, readable=_arrays.NUMBER)  # scipy trusts the structure: check it first
    _arrays.require_finite(matrix, name)
    return matrix


def check_datasets(datasets_full: Sequence[Any]) -> list[sparse.csr_matrix]:
    """The data sets as a list of ``scipy.sparse.csr_matrix``.

    Takes numpy arrays and any scipy sparse matrix or array. A CSR matrix is passed through, not copied.

    Parity: exact.

    Raises
    ------
    TypeError, ValueError
        If a data set is not a numeric matrix, is empty, is malformed, or holds NaN or infinity.
    """
    checked = [
        checked_dataset(ds, f"datasets_full[{i}]") for i, ds in enumerate(require_list(datasets_full, "datasets_full"))
    ]
    return [ds if isinstance(ds, sparse.csr_matrix) else sparse.csr_matrix(ds) for ds in checked]


def _checked_genes(datasets: Sequence[Any], genes: Any, names: Sequence[str], *, union: bool) -> list[np.ndarray]:
    if isinstance(genes, str) or not hasattr(genes, "__len__"):
        raise TypeError(f"genes_list must be a list of gene lists, one per data set, found {type(genes).__name__}.")
    if len(genes) != len(datasets):
        raise ValueError(f"genes_list holds {len(genes)} gene lists for {len(datasets)} data sets; give one for each.")
    checked = []
    for i, (ds, gene_list) in enumerate(zip(datasets, genes, strict=True)):
        gene_list = np.asarray(gene_list)
        if gene_list.ndim != 1 or len(gene_list) != ds.shape[1]:
            hint = ""
            if gene_list.ndim == 1 and len(gene_list) == ds.shape[0]:
                hint = " It looks like genes x cells: give the transposed matrix (X.T)."
            raise ValueError(
                f"genes_list[{i}] has {gene_list.size} names, but data set {names[i]} has {ds.shape[1]} columns.{hint}"
            )
        _warn_of_duplicates(gene_list, names[i], "last" if union else "first")
        checked.append(gene_list)
    return checked


def _warn_of_duplicates(gene_list: np.ndarray, name: str, which: str) -> None:
    unique, counts = np.unique(gene_list, return_counts=True)
    duplicated = [str(gene) for gene in unique[counts > 1]]
    if duplicated:
        shown = ", ".join(duplicated[:10]) + (", ..." if len(duplicated) > 10 else "")
        warn(
            f"Data set {name} has {len(duplicated)} duplicated gene name(s): {shown}. The {which} column of each is "
            "used; call adata.var_names_make_unique() to keep them apart."
        )


def _no_common_gene(genes: Sequence[np.ndarray], names: Sequence[str], index: int) -> str:
    examples = "; ".join(f"{names[i]}: {', '.join(str(gene) for gene in genes[i][:3])}" for i in sorted({0, index}))
    return (
        f"No gene is in all data sets: none is left after data set {names[index]} ({examples}). Check that the names "
        "are of one kind (symbols or Ensembl), that upper and lower case agree, and that no matrix is genes x cells: "
        "transpose it then (X.T)."
    )


@dataclass(frozen=True)
class GenePlan:
    """Genes of the merged data sets, and for every column of every data set its place among them (-1: left out)."""

    genes: np.ndarray
    places: list[np.ndarray]

    def restricted(self, keep: np.ndarray) -> GenePlan:
        """The plan with only those genes for which ``keep`` is true."""
        new_place = np.full(len(self.genes), -1, dtype=np.int64)
        new_place[keep] = np.arange(np.count_nonzero(keep))
        return GenePlan(
            genes=self.genes[keep],
            places=[np.where(places >= 0, new_place[places], -1) for places in self.places],
        )


def plan_genes(
    datasets: Sequence[Any],
    genes: Any,
    ds_names: Sequence[str] | None,
    *,
    union: bool,
    verbose: bool | int,
) -> GenePlan:
    """Genes in all data sets (or in any, with ``union``), in alphabetical order."""
    names = require_names(ds_names, len(datasets))
    gene_lists = _checked_genes(datasets, genes, names, union=union)
    if union and verbose:
        warn(
            "Integrating on the union of genes counts every absent gene as zero. Prefer the intersection, or quantify "
            "the data sets against the same annotation."
        )
    common: set[Any] = set(gene_lists[0].tolist())
    for index, gene_list in enumerate(gene_lists):
        common = common | set(gene_list.tolist()) if union else common & set(gene_list.tolist())
        if not common:
            raise ValueError(_no_common_gene(gene_lists, names, index))
        if not union and ds_names is not None and verbose:
            print(f"After {names[index]}: {len(common)} genes")
    if verbose:
        print(f"Found {len(common)} genes among all datasets")
    merged = np.array(sorted(common))
    place_of = {gene: place for place, gene in enumerate(merged.tolist())}
    return GenePlan(merged, [_places(gene_list, place_of, last=union) for gene_list in gene_lists])


def _places(gene_list: np.ndarray, place_of: dict[Any, int], *, last: bool) -> np.ndarray:
    """Of names that occur more than once, scanorama takes the first column, but the last for a union."""
    places = np.full(len(gene_list), -1, dtype=np.int64)
    _, columns = np.unique(gene_list[::-1] if last else gene_list, return_index=True)
    for column in len(gene_list) - 1 - columns if last else columns:
        places[column] = place_of.get(gene_list[column], -1)
    return places


@dataclass(frozen=True)
class Stack:
    """All data sets below one another as one CSR matrix over the merged genes."""

    matrix: sparse.csr_matrix
    offsets: np.ndarray

    def dataset(self, index: int) -> sparse.csr_matrix:
        """One data set; shares the values."""
        first, last = self.offsets[index], self.offsets[index + 1]
        indptr = self.matrix.indptr[first : last + 1]
        entries = slice(indptr[0], indptr[-1])
        parts = (self.matrix.data[entries], self.matrix.indices[entries], indptr - indptr[0])
        return sparse.csr_matrix(parts, shape=(last - first, self.matrix.shape[1]), copy=False)


def stack(datasets: Sequence[Any], plan: GenePlan, *, normalize: bool, union: bool = False) -> Stack:
    """The data sets over the genes of ``plan``; with ``normalize`` every cell is scaled to length one.

    float32 stays float32; everything else, and a union (as scanorama's), becomes float64.
    """
    offsets = np.concatenate([[0], np.cumsum([ds.shape[0] for ds in datasets])]).astype(np.int64)
    views = [_rows(ds, f"data set {i}", union=union) for i, ds in enumerate(datasets)]
    n_stored = sum(ds.nnz if sparse.issparse(ds) else ds.size for ds in datasets)
    index_dtype = np.int32 if n_stored < np.iinfo(np.int32).max else np.int64
    is_single = not union and all(ds.dtype == np.float32 for ds in datasets)
    indptr = np.zeros(offsets[-1] + 1, dtype=index_dtype)
    for i, view in enumerate(views):
        engine.count_chosen(view, plan.places[i], indptr[offsets[i] : offsets[i + 1] + 1], settings.n_threads)
    data = np.empty(indptr[-1], dtype=np.float32 if is_single else np.float64)
    indices = np.empty(indptr[-1], dtype=index_dtype)
    for i, view in enumerate(views):
        rows = indptr[offsets[i] : offsets[i + 1] + 1]
        engine.take_chosen(view, plan.places[i], rows, normalize, data, indices, settings.n_threads)
    matrix = sparse.csr_matrix((data, indices, indptr), shape=(offsets[-1], len(plan.genes)), copy=False)
    matrix.has_sorted_indices = True
    return Stack(matrix, offsets)


def _rows(matrix: Any, name: str, *, union: bool) -> Any:
    """The engine's view; for a union, which scanorama makes dense first, with repeated entries added."""
    matrix = matrix if sparse.issparse(matrix) else sparse.csr_matrix(matrix)
    matrix = _arrays.each_entry_once(matrix, name) if union else matrix
    return _arrays.csr(matrix, name, readable=_arrays.NUMBER)


def merge_datasets(
    datasets: list[Any],
    genes: Sequence[Sequence[str]],
    ds_names: Sequence[str] | None = None,
    verbose: bool | int = True,
    union: bool = False,
) -> tuple[list[sparse.csr_matrix], np.ndarray]:
    """Put all data sets on the same genes, in alphabetical order.

    Parity: exact.

    Parameters
    ----------
    datasets
        Matrices, cells x genes. As in scanorama the entries of this list are replaced; the matrices are not changed.
    genes
        Names of the columns of each data set. Of duplicated names the first column is used, with ``union`` the last.
    ds_names
        Names for messages.
    verbose
        Print how many genes are left.
    union
        Keep the genes of any data set, and count absent ones as zero.

    Returns
    -------
    The list of matrices, and the genes.

    Raises
    ------
    ValueError
        If no gene is in all data sets, or a gene list has the wrong length.
    """
    plan = plan_genes(datasets, genes, ds_names, union=union, verbose=verbose)
    for i, ds in enumerate(datasets):
        single = GenePlan(plan.genes, [plan.places[i]])
        datasets[i] = stack([ds], single, normalize=False, union=union).matrix
    return datasets, plan.genes
