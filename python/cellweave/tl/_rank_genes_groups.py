"""Genes that characterise groups of cells."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from .. import _anndata, _arrays, _checks, _subset
from .._compat import old_positionals
from ..settings import logger, settings
from ._group_tests import Comparison, Expression, expression, false_discovery_rates, t_test, wilcoxon

_METHODS = ("logreg", "t-test", "wilcoxon", "t-test_overestim_var")
_CORRECTIONS = ("benjamini-hochberg", "bonferroni")
#: Columns of the result, in the order of scanpy's, and how they are stored.
_DTYPES = {"names": "O", "scores": "float32", "pvals": "float64", "pvals_adj": "float64", "logfoldchanges": "float32"}
#: What scanpy adds to both means, so that no fold change divides by zero.
_LITTLE = 1e-9


@old_positionals(
    "mask",
    "use_raw",
    "groups",
    "reference",
    "n_genes",
    "rankby_abs",
    "pts",
    "key_added",
    "copy",
    "method",
    "corr_method",
    "tie_correct",
    "layer",
)
def rank_genes_groups(
    adata: AnnData,
    groupby: str,
    *,
    mask_var: np.ndarray | str | None = None,
    use_raw: bool | None = None,
    groups: Literal["all"] | Iterable[str] = "all",
    reference: str = "rest",
    n_genes: int | None = None,
    rankby_abs: bool = False,
    pts: bool = False,
    key_added: str | None = None,
    copy: bool = False,
    method: Literal["logreg", "t-test", "wilcoxon", "t-test_overestim_var"] | None = None,
    corr_method: Literal["benjamini-hochberg", "bonferroni"] = "benjamini-hochberg",
    tie_correct: bool = False,
    layer: str | None = None,
    **kwds: Any,
) -> AnnData | None:
    """Rank genes by how much a group of cells differs in them from all others, or from a reference.

    Parity: exact (``scanpy.tl.rank_genes_groups``); scores and p-values of the rank sums are the same numbers. The
    matrix is read where it lies: groups are never copied out of it, and each gene is sorted once for all groups.

    Parameters
    ----------
    adata
        Cells x genes, logarithms. CSR, CSC or dense.
    groupby
        Column of ``adata.obs`` of categories or strings.
    mask_var
        Genes to test: a boolean array, or the name of a column of ``adata.var``.
    use_raw
        Test ``adata.raw``. ``None``: if there is one and no ``layer`` is given.
    groups
        Groups to compare; each still with all other cells if ``reference='rest'``.
    reference
        ``'rest'``, or the group with which all are compared.
    n_genes
        Genes in the tables, best first. ``None``: all.
    rankby_abs
        Rank by the size of the score.
    pts
        Also give the share of cells with a value other than zero, of each group and of all other cells.
    key_added
        Key of ``adata.uns``. ``None``: ``'rank_genes_groups'``.
    copy
        Work on a copy and return it.
    method
        ``'t-test'`` (the default; Welch's), ``'t-test_overestim_var'`` (the variance of the others counts for as many
        cells as the group has) or ``'wilcoxon'`` (rank sums). ``'logreg'`` is scikit-learn's and left to scanpy.
    corr_method
        How p-values are corrected for the number of genes: ``'benjamini-hochberg'`` or ``'bonferroni'``.
    tie_correct
        Correct the deviation of the rank sums for equal values.
    layer
        Test a layer.
    **kwds
        For ``'logreg'``; without effect otherwise, as in scanpy.

    Returns
    -------
    ``None``, or the copy. ``adata.uns[key_added]`` gets ``params`` and, as record arrays with one field a group,
    ``names``, ``scores`` (float32), ``logfoldchanges`` (float32), ``pvals`` and ``pvals_adj`` (float64); with ``pts``
    the data frames ``pts`` and, against the rest, ``pts_rest``.

    Raises
    ------
    ValueError
        An unknown group, reference, method or correction; a group of a single cell; NaN or infinite values.
    KeyError
        ``groupby`` or ``layer`` is not there.
    NotImplementedError
        ``method='logreg'``.

    References
    ----------
    Welch (1947), Biometrika 34, 28; Wilcoxon (1945), Biometrics 1, 80; Benjamini and Hochberg (1995), Journal of the
    Royal Statistical Society B 57, 289.
    """
    method = "t-test" if method is None else method
    if "only_positive" in kwds:
        rankby_abs = not kwds.pop("only_positive")  # as it was called once
    if method not in _METHODS:
        raise ValueError(f"Method must be one of {_METHODS}.")
    if method == "logreg":
        raise NotImplementedError("method='logreg' is scikit-learn's: use scanpy.tl.rank_genes_groups.")
    if corr_method not in _CORRECTIONS:
        raise ValueError(f"Correction method must be one of {_CORRECTIONS}.")
    with _anndata.transaction(adata, copy=copy) as target:
        uses_raw = _uses_raw(adata, use_raw, layer)
        comparison = _comparison(adata, groupby, groups, reference)
        matrix, name, genes = _chosen_genes(adata, layer, uses_raw, mask_var)
        logger.info("ranking genes")
        of_groups, of_others, are_counts = expression(matrix, comparison, name)
        if are_counts:
            logger.warning(
                "It seems you use rank_genes_groups on the raw count data. "
                "Please logarithmize your data before calling rank_genes_groups."
            )
        if method == "wilcoxon":
            _hint_at_small_groups(comparison)
            scores, p_values = wilcoxon(matrix, comparison, name, tie_correct=tie_correct)
        else:
            n_others = of_others.n_cells if method == "t-test" else of_groups.n_cells
            scores, p_values = t_test(of_groups, of_others, n_others)
        columns = _Columns(genes, scores, p_values, _fold_changes(adata, of_groups, of_others))
        n_shown = len(genes) if n_genes is None else min(_checks.whole(n_genes, "n_genes", at_least=1), len(genes))
        key = "rank_genes_groups" if key_added is None else key_added
        target.uns[key] = {
            "params": {
                "groupby": groupby,
                "reference": reference,
                "method": method,
                "use_raw": uses_raw,
                "layer": layer,
                "corr_method": corr_method,
            },
            **(_shares(matrix, comparison, genes, name) if pts else {}),
            **columns.ranked(comparison, n_shown, corr_method, by_size=rankby_abs),
        }
    result = target.adata if copy else adata
    result.strings_to_categoricals()
    logger.info("    finished: added to `.uns[%r]`", key)
    return result if copy else None


def _uses_raw(adata: AnnData, use_raw: bool | None, layer: str | None) -> bool:
    if use_raw is None:
        return adata.raw is not None and layer is None
    if use_raw and layer is not None:
        raise ValueError("Cannot specify `layer` and have `use_raw=True`.")
    if use_raw and adata.raw is None:
        raise ValueError("Received `use_raw=True`, but `adata.raw` is empty.")
    return bool(use_raw)


def _chosen_genes(adata: AnnData, layer: str | None, uses_raw: bool, mask_var: Any) -> tuple[Any, str, pd.Index]:
    """The matrix to test, what messages call it, and the names of its genes."""
    matrix, name = _anndata.picked(adata, layer=layer, use_raw=uses_raw)
    genes = adata.raw.var_names if uses_raw else adata.var_names
    mask = _checks.mask(adata, mask_var, "var", "mask_var")
    if mask is not None:
        if len(mask) != len(genes):
            raise ValueError(f"mask_var has {len(mask)} genes, {name} has {len(genes)}. Pass use_raw=False.")
        matrix, genes = _subset.take(matrix, mask, 1, name), genes[mask]
    if len(genes) == 0:
        raise ValueError(f"{name} has no genes" + ("." if mask is None else " left by mask_var."))
    return matrix, name, genes


def _comparison(adata: AnnData, groupby: str, groups: Any, reference: Any) -> Comparison:
    """The groups that were asked for, checked."""
    if groupby not in adata.obs:
        raise KeyError(f"groupby: '{groupby}' not found; adata.obs has {list(adata.obs.columns)}.")
    table = adata.obs[[groupby]].copy()
    adata.strings_to_categoricals(table)
    column = table[groupby]
    if not isinstance(column.dtype, pd.CategoricalDtype):
        raise ValueError(
            f"groupby: adata.obs['{groupby}'] has dtype {column.dtype}, or a name for every cell; expected categories. "
            f"Convert it: adata.obs['{groupby}'].astype('str').astype('category')."
        )
    known = list(column.cat.categories)
    if reference != "rest" and reference not in known:
        raise ValueError(f"reference = {reference} needs to be one of groupby = {known}.")
    wanted = _wanted(groups, reference, known)
    number_of = pd.Series(range(len(wanted)), index=pd.Index(wanted))
    codes = number_of.reindex(known, fill_value=-1).to_numpy()[column.cat.codes]
    codes = np.where(column.cat.codes < 0, -1, codes).astype(np.int32)
    number = None if reference == "rest" else wanted.index(reference)
    comparison = Comparison([str(name) for name in wanted], codes, number)
    alone = [name for name, size in zip(comparison.names, comparison.sizes, strict=True) if size < 2]
    if alone:
        raise ValueError(
            f"Could not calculate statistics for groups {', '.join(alone)} since they only contain one sample."
        )
    return comparison


def _wanted(groups: Any, reference: Any, known: list[Any]) -> list[Any]:
    if isinstance(groups, str) and groups == "all":
        if not known:
            raise ValueError("groupby names no group.")
        return known
    if isinstance(groups, (str, int)):
        raise ValueError("Specify a sequence of groups")
    wanted = list(groups)
    if wanted and isinstance(wanted[0], int):
        wanted = [str(number) for number in wanted]
    unknown = [group for group in wanted if group not in known]
    if unknown or not wanted:
        raise ValueError(f"groups: {unknown or wanted} not found; groupby has {known}.")
    if reference != "rest" and reference not in wanted:
        wanted.append(reference)
    return list(dict.fromkeys(wanted))


def _hint_at_small_groups(comparison: Comparison) -> None:
    if comparison.reference is not None and comparison.sizes.min() <= 25:
        logger.info("Few observations in a group for normal approximation (<=25). Lower test accuracy.")


def _fold_changes(adata: AnnData, groups: Expression, others: Expression) -> np.ndarray:
    """Binary logarithm of the ratio of the means, log1p undone: groups x genes."""
    base = adata.uns.get("log1p", {}).get("base")
    log_base = 1.0 if base is None else np.log(base)
    return np.log2((np.expm1(groups.means * log_base) + _LITTLE) / (np.expm1(others.means * log_base) + _LITTLE))


def _shares(matrix: Any, comparison: Comparison, genes: pd.Index, name: str) -> dict[str, pd.DataFrame]:
    """Shares of cells with a value other than zero."""
    groups, others, _ = expression(_presence(matrix), comparison, name)
    tables = {"pts": groups} if comparison.reference is not None else {"pts": groups, "pts_rest": others}
    return {key: pd.DataFrame(table.means.T, index=genes, columns=comparison.names) for key, table in tables.items()}


def _presence(matrix: Any) -> Any:
    """1 for each value other than zero."""
    if not _arrays.is_sparse(matrix):
        return (matrix != 0).astype(np.float32)
    matrix = matrix if matrix.format in ("csr", "csc") else matrix.tocsr()
    make = sparse.csr_matrix if matrix.format == "csr" else sparse.csc_matrix
    return make(((matrix.data != 0).astype(np.float32), matrix.indices, matrix.indptr), shape=matrix.shape)


class _Columns:
    """What is known of every group and gene, to be put in order."""

    def __init__(self, genes: pd.Index, scores: np.ndarray, p_values: np.ndarray, fold_changes: np.ndarray) -> None:
        self._genes = genes.to_numpy(dtype=object)
        self._scores = scores
        self._p_values = p_values
        self._fold_changes = fold_changes

    def ranked(
        self, comparison: Comparison, n_shown: int, corr_method: str, *, by_size: bool
    ) -> dict[str, np.recarray]:
        """The first genes of every group that was tested, as record arrays."""

        def of_group(group: int) -> dict[str, np.ndarray]:
            scores, p_values = self._scores[group], self._p_values[group]
            if corr_method == "bonferroni":
                corrected = np.minimum(p_values * len(p_values), 1.0)
            else:
                corrected = false_discovery_rates(p_values)
            best = _best(np.abs(scores) if by_size else scores, n_shown)
            return {
                "names": self._genes[best],
                "scores": scores[best],
                "pvals": p_values[best],
                "pvals_adj": corrected[best],
                "logfoldchanges": self._fold_changes[group][best],
            }

        with ThreadPoolExecutor(settings.n_threads) as pool:
            tables = list(pool.map(of_group, comparison.tested))
        names = [comparison.names[group] for group in comparison.tested]
        return {
            column: np.rec.fromarrays([table[column] for table in tables], dtype=[(name, dtype) for name in names])
            for column, dtype in _DTYPES.items()
        }


def _best(scores: np.ndarray, n_best: int) -> np.ndarray:
    """The genes with the highest scores, equal ones in the order that numpy's sort gives scanpy."""
    partition = np.argpartition(scores, -n_best)[-n_best:]
    return partition[np.argsort(scores[partition])[::-1]]
