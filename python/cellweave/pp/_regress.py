"""Regressing out what is not of interest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from .. import _anndata, _arrays
from .._compat import old_positionals
from .._core import engine
from ..settings import logger, settings


def _is_categorical(column: pd.Series) -> bool:
    """Whether scanpy would take it as categories: it turns strings into them first."""
    return isinstance(column.dtype, pd.CategoricalDtype) or pd.api.types.infer_dtype(column) == "string"


def _design(adata: AnnData, keys: list[str]) -> np.ndarray:
    """A column of ones and the numeric columns of ``obs``: cells x (1 + keys)."""
    design = np.ones((adata.n_obs, len(keys) + 1))
    for k, key in enumerate(keys):
        column = adata.obs[key]
        if _is_categorical(column):
            raise ValueError(
                "If providing categorical variable, only a single one is allowed. For this one "
                f"we regress on the mean for each category. '{key}' is categorical; keys are {keys}."
            )
        if column.dtype.kind not in "fiub":
            raise TypeError(f"keys: adata.obs['{key}'] has dtype {column.dtype}; expected numbers or one category.")
        design[:, k + 1] = column.to_numpy(dtype=np.float64)
    if not np.isfinite(design).all():
        raise ValueError(f"keys: adata.obs{keys} hold NaN or infinite values. Fill them in, or drop those cells.")
    return design


def _constant_genes(view: Any, n_cells: int) -> np.ndarray:
    sums, squares, *_ = engine.sum_moments(view, threads=settings.n_threads)
    means = sums[0] / n_cells
    return squares[0] / n_cells - means**2 <= 1e-14 * means**2


def _without_fit(matrix: Any, design: np.ndarray, name: str) -> np.ndarray:
    """What least squares on the columns of ``design`` leaves of every gene."""
    view = _arrays.by_rows(matrix, name, check_indices=False)
    is_dense = isinstance(view, np.ndarray)
    # Not numpy's products: the threads of its BLAS wait busily for the next one, where the engine's should run.
    basis = engine.basis_of_columns(design, settings.n_threads)
    gram = engine.project(design, design, settings.n_threads)
    coefficients = engine.project(view, basis, settings.n_threads)
    if not np.isfinite(coefficients).all():
        _arrays.require_finite(matrix, name)
    if np.linalg.det(gram) != 0:
        dtype = _arrays.float_dtype(matrix.dtype)
        out = view if is_dense and view.flags.writeable else np.empty(matrix.shape, dtype=dtype)
    else:
        # scanpy fits these gene by gene, in float64, and leaves constant genes alone.
        out = np.empty(matrix.shape, dtype=np.float64)
        coefficients[:, _constant_genes(view, matrix.shape[0])] = 0
    engine.subtract_fit(view, basis, coefficients, out, settings.n_threads)
    return out


def _without_group_means(matrix: Any, groups: pd.Categorical, name: str) -> np.ndarray:
    """Every value less the mean of its gene in the category of its cell; constant genes stay."""
    view = _arrays.by_rows(matrix, name, check_indices=False)
    codes = groups.codes.astype(np.int32)
    n_groups = len(groups.categories)
    sums, _, _, _, has_nonfinite = engine.sum_moments(view, codes, n_groups, threads=settings.n_threads)
    if has_nonfinite:
        _arrays.require_finite(matrix, name)
    means = sums / np.maximum(np.bincount(codes, minlength=n_groups), 1)[:, None]
    means[:, _constant_genes(view, matrix.shape[0])] = 0
    out = np.empty(matrix.shape, dtype=np.float64)
    engine.apply_group_lines(view, codes, np.ones_like(means), -means, out, settings.n_threads)
    return out


@old_positionals("layer", "n_jobs", "copy")
def regress_out(
    adata: AnnData,
    keys: str | Sequence[str],
    *,
    layer: str | None = None,
    n_jobs: int | None = None,
    copy: bool = False,
) -> AnnData | None:
    """Replace the values of every gene by what linear regression on annotation of cells leaves over.

    Parity: exact (``scanpy.pp.regress_out``), also where the annotation is collinear. Sparse input is read where it
    lies: the dense result is all that is allocated, and dense float32 or float64 input is overwritten.

    Parameters
    ----------
    adata
        Cells x genes. CSR, CSC or dense.
    keys
        Columns of ``adata.obs``: numbers, or one column of categories (or strings), for which the mean of each
        category is taken away.
    layer
        Work on a layer instead of ``adata.X``.
    n_jobs
        No effect; see ``cellweave.settings.n_threads``.
    copy
        Work on a copy and return it.

    Returns
    -------
    None, or the copy; ``adata.X`` or the layer becomes a dense array: float32 or float64 as it was, float64 for
    categories and for collinear annotation. Strings in ``adata.obs`` become categories.

    Raises
    ------
    KeyError
        One of ``keys`` is not there.
    ValueError
        A category and something else are given, or NaN or infinite values are in the way.
    """
    keys = [keys] if isinstance(keys, str) else list(keys)
    if not keys:
        raise ValueError("keys is empty: name at least one column of adata.obs.")
    if not isinstance(adata, AnnData):
        raise TypeError(f"adata must be an AnnData, found {type(adata).__name__}.")
    missing = [key for key in keys if key not in adata.obs]
    if missing:
        raise KeyError(f"keys: {missing} not found; adata.obs has {list(adata.obs.columns)}.")
    logger.info("regressing out %s", keys)
    with _anndata.transaction(adata, copy=copy, makes_actual=True) as target:
        matrix, name = _anndata.picked(target.adata, layer=layer)
        column = adata.obs[keys[0]]
        if _is_categorical(column) and len(keys) == 1:
            groups = pd.Categorical(column)
            if (groups.codes < 0).any():
                raise ValueError(
                    f"keys: adata.obs['{keys[0]}'] has missing categories. Fill them in, or drop those cells."
                )
            result = _without_group_means(matrix, groups, name)
        else:
            result = _without_fit(matrix, _design(adata, keys), name)
        target.set_matrix(result, layer)
    result_of = target.adata if copy else adata
    result_of.strings_to_categoricals()
    return result_of if copy else None
