"""pp.pca: principal components into obsm, varm and uns."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from .. import _anndata, _arrays
from .._compat import warn
from .._principal import (
    Components,
    incremental_components,
    principal_components,
    project,
    scaled_principal_components,
)
from .._subset import take
from ..settings import logger


class _NotGiven:
    """Tells an argument that was left out from None."""

    def __repr__(self) -> str:
        return "Empty"


_NOT_GIVEN = _NotGiven()

#: Components when the caller does not say.
DEFAULT_N_COMPS = 50

#: The names of scanpy's solvers, by class and input; the first is its default. Ours is exact under every name.
_SOLVERS = {
    ("PCA", "dense"): ("arpack", "auto", "covariance_eigh", "full", "randomized"),
    ("PCA", "sparse"): ("arpack", "covariance_eigh", "lobpcg"),
    ("TruncatedSVD", "dense"): ("randomized", "arpack"),
    ("TruncatedSVD", "sparse"): ("randomized", "arpack"),
}


def pca(
    data: AnnData | np.ndarray | Any,
    n_comps: int | None = None,
    *,
    layer: str | None = None,
    obsm: str | None = None,
    zero_center: bool = True,
    svd_solver: str | None = None,
    chunked: bool = False,
    chunk_size: int | None = None,
    random_state: int | np.random.RandomState | None = 0,
    return_info: bool = False,
    mask_var: np.ndarray | str | _NotGiven | None = _NOT_GIVEN,
    use_highly_variable: bool | None = None,
    dtype: Any = "float32",
    key_added: str | None = None,
    copy: bool = False,
    scale: bool = False,
    max_value: float | None = None,
) -> AnnData | np.ndarray | tuple[np.ndarray, ...] | None:
    """Principal component analysis.

    Parity: same subspace (scanpy.pp.pca with its exact solvers; principal angles below 1e-4, variance ratios within
    1e-5, scikit-learn's signs). Sparse input is centred, and with ``scale`` scaled, implicitly: it never becomes dense.
    A dense matrix that ``pp.scale`` made from counts is decomposed through the values that differ from their gene's
    most common one, in its own precision.
    The covariance matrix of genes (or of cells, if they are fewer) is formed up to a side of 5,000, else the matrix is
    multiplied alone; the leading eigenvectors come from a block Lanczos iteration (Golub and Underwood 1977; Wu and
    Simon 2000), converged to an angle of 1e-7.

    Parameters
    ----------
    data
        Cells x genes: AnnData, a numpy array or a scipy sparse matrix. Finite.
    n_comps
        Components. ``None``: 50, or one less than the smaller side of a matrix of at most 50.
    layer, obsm
        Compute on this entry of ``layers`` or ``obsm`` instead of ``X``.
    zero_center
        ``False``: no centring, a truncated singular value decomposition.
    svd_solver
        scanpy's names are accepted; all give the exact components, the same on every run.
    chunked
        Incremental PCA over chunks of ``chunk_size`` cells (default 6,000), in the manner of scikit-learn; works on
        a backed ``X``. Ignores ``zero_center`` and ``svd_solver``.
    random_state
        Accepted; the result depends on no random number.
    return_info
        For arrays: also return the loadings, variance ratios and variances.
    mask_var
        Genes to use: a boolean array or the name of a column of ``var``. Default: ``'highly_variable'`` where there is
        such a column; ``None``: all genes.
    use_highly_variable
        Deprecated: use ``mask_var``.
    dtype
        Of the coordinates.
    key_added
        Key in ``obsm``, ``varm`` and ``uns``, instead of ``'X_pca'``, ``'PCs'`` and ``'pca'``.
    copy
        Return a changed copy of the AnnData.
    scale, max_value
        Not in scanpy. ``scale=True``: the components of ``pp.scale(data, max_value=max_value)`` (unit variance,
        centred, clipped to +-``max_value``), without forming that matrix from a sparse one. A dense one is copied.

    Returns
    -------
    ``None``, or the copy. Written: ``obsm['X_pca']`` (cells x components, ``dtype``), ``varm['PCs']`` (genes x
    components, zero outside the mask), ``uns['pca']`` (``params``, ``variance``, ``variance_ratio``); with ``obsm`` the
    loadings are ``uns['pca']['components']``. For arrays: the coordinates, or with ``return_info`` a tuple
    (coordinates, loadings, variance ratios, variances).

    Raises
    ------
    ValueError
        ``n_comps`` out of range, a mask that is not boolean or does not fit, NaN or infinite values.
    NotImplementedError
        A backed ``X`` without ``chunked``; ``chunked`` with ``layer``, ``obsm`` or ``scale``.
    """
    if chunked and (layer is not None or obsm is not None):
        raise NotImplementedError("Cannot use `layer`/`obsm` and `chunked` at the same time.")
    if chunked and scale:
        raise NotImplementedError("Cannot use `scale` and `chunked` at the same time.")
    if max_value is not None and not scale:
        raise ValueError("max_value clips scaled values: it needs scale=True.")
    if max_value is not None and not max_value > 0:
        raise ValueError(f"max_value must be positive, found {max_value!r}.")
    np.dtype(dtype)
    is_annotated = isinstance(data, AnnData)
    adata = data if isinstance(data, AnnData) else _annotated(data)
    if obsm is not None:
        if not isinstance(mask_var, _NotGiven) and mask_var is not None:
            raise ValueError("Argument `mask_var` is incompatible with `obsm`.")
        mask_var = None
    mask_name, mask = _mask(adata, mask_var, use_highly_variable)
    logger.info("computing PCA")
    with _anndata.transaction(adata, copy=copy and is_annotated) as target:
        matrix = None if chunked else _selected(target.matrix(layer, obsm=obsm), mask)
        shape = (adata.n_obs, adata.n_vars if mask is None else int(mask.sum())) if matrix is None else matrix.shape
        is_sparse = matrix is not None and _arrays.is_sparse(matrix)
        solver = _solver(svd_solver, "PCA" if zero_center else "TruncatedSVD", "sparse" if is_sparse else "dense")
        n_comps = _n_comps(n_comps, shape, solver, is_strict=zero_center and not chunked and solver == "arpack")
        logger.info("    with n_comps=%d", n_comps)
        if matrix is None:
            found, is_double = _incrementally(adata, mask, n_comps, chunk_size)
        else:
            find = scaled_principal_components if scale else principal_components
            options: dict[str, Any] = {"max_value": max_value} if scale else {}
            found = find(matrix, n_comps, center=zero_center, **options)
            is_double = matrix.dtype != np.float32
        # scikit-learn keeps float32 for float32 and computes all else in float64
        working = np.float64 if is_double else np.float32
        scores = found.scores.astype(dtype, copy=False)
        loadings = found.loadings.astype(working, copy=False)
        variance, ratio = found.variance.astype(working), found.variance_ratio.astype(working)
        if not is_annotated:
            return (scores, loadings, ratio, variance) if return_info else scores
        key_obsm, key_varm, key_uns = ("X_pca", "PCs", "pca") if key_added is None else [key_added] * 3
        params = {
            "zero_center": zero_center,
            "use_highly_variable": isinstance(mask_name, str) and mask_name == "highly_variable",
            "mask_var": mask_name,
        }
        params |= {} if layer is None else {"layer": layer}
        params |= {} if obsm is None else {"obsm": obsm}
        params |= {"scale": True, "max_value": max_value} if scale else {}
        target.obsm[key_obsm] = scores
        target.uns[key_uns] = {"params": params, "variance": variance, "variance_ratio": ratio}
        if obsm is not None:
            target.uns[key_uns]["components"] = loadings.T
        elif mask is None:
            target.varm[key_varm] = loadings.T
        else:
            target.varm[key_varm] = np.zeros((adata.n_vars, n_comps))
            target.varm[key_varm][mask] = found.loadings.T
    return target.adata if copy else None


def _annotated(data: Any) -> AnnData:
    return AnnData(data if isinstance(data, pd.DataFrame) else _arrays.checked(data, "data"))


def _mask(adata: AnnData, mask_var: Any, use_highly_variable: bool | None) -> tuple[Any, np.ndarray | None]:
    """The mask as the caller named it, and as a boolean array; both None for all genes."""
    is_given = not isinstance(mask_var, _NotGiven)
    if use_highly_variable is not None:
        hint = (
            'Use_highly_variable=True can be called through mask_var="highly_variable". '
            "Use_highly_variable=False can be called through mask_var=None"
        )
        warn(
            f"Argument `use_highly_variable` is deprecated, consider using the mask argument. {hint}",
            FutureWarning,
        )
        if is_given:
            raise ValueError(f"These arguments are incompatible. {hint}")
    if use_highly_variable or (use_highly_variable is None and not is_given and "highly_variable" in adata.var.columns):
        mask_var, is_given = "highly_variable", True
    if not is_given or mask_var is None:
        return None, None
    if isinstance(mask_var, str):
        if mask_var not in adata.var.columns:
            raise ValueError(
                f"Did not find `adata.var[{mask_var!r}]`. Either add the mask first to `adata.var`"
                "or consider using the mask argument with an array."
            )
        mask = adata.var[mask_var].to_numpy()
    else:
        mask = np.asarray(mask_var)
        if mask.shape != (adata.n_vars,):
            raise ValueError("The shape of the mask do not match the data.")
    if not pd.api.types.is_bool_dtype(mask.dtype):
        raise ValueError(f"Mask array must be boolean, found {mask.dtype}.")
    mask = np.asarray(mask, dtype=bool)
    if not mask.any():
        raise ValueError("mask_var selects no gene.")
    return mask_var, mask


def _selected(matrix: Any, mask: np.ndarray | None) -> Any:
    return matrix if mask is None else take(matrix, mask, 1)


def _solver(asked: str | None, kind: str, layout: str) -> str:
    known = _SOLVERS[kind, layout]
    if asked is None:
        return known[0]
    if asked not in known:
        suffix = " (with sparse input)" if (kind, layout) == ("PCA", "sparse") else ""
        warn(
            f"Ignoring svd_solver={asked!r} and using {known[0]}, "
            f"sklearn.decomposition.{kind}{suffix} only supports {sorted(set(known) - {'lobpcg'})}.",
        )
        return known[0]
    if asked == "lobpcg":
        warn(
            "svd_solver='lobpcg' for sparse relies on legacy code and will not be supported in the future. "
            "Also the lobpcg solver has been observed to be inaccurate. Please use 'arpack' instead.",
            FutureWarning,
        )
    return asked


def _n_comps(n_comps: int | None, shape: tuple[int, int], solver: str, *, is_strict: bool) -> int:
    shorter = min(shape)
    if n_comps is None:
        n_comps = shorter - 1 if shorter <= DEFAULT_N_COMPS else DEFAULT_N_COMPS
    try:
        n_comps = operator.index(n_comps)
    except TypeError:
        raise TypeError(f"n_comps must be a whole number, found {n_comps!r}.") from None
    where = f"min(n_obs, n_vars)={shorter} with svd_solver={solver!r}."
    if not 1 <= n_comps <= shorter:
        raise ValueError(f"n_comps={n_comps}: n_components={n_comps} must be between 1 and {where}")
    if is_strict and n_comps == shorter:
        raise ValueError(f"n_comps={n_comps}: n_components={n_comps} must be strictly less than {where}")
    return n_comps


def _incrementally(
    adata: AnnData, mask: np.ndarray | None, n_comps: int, chunk_size: int | None
) -> tuple[Components, bool]:
    """Incremental PCA over ``X``, which may be backed; and whether its results are in double."""
    is_double = True

    def chunks() -> Iterator[tuple[np.ndarray, int, int]]:
        nonlocal is_double
        for chunk, start, end in adata.chunked_X(chunk_size):
            chosen = _selected(chunk, mask)
            chosen = chosen.toarray() if _arrays.is_sparse(chosen) else np.asarray(chosen)
            is_double = chosen.dtype != np.float32
            yield _arrays.dense(chosen), start, end

    if not adata.isbacked:
        _arrays.sound(adata.X, "adata.X")
    mean, found = incremental_components((chunk for chunk, _, _ in chunks()), n_comps)
    scores = np.empty((adata.n_obs, n_comps), dtype=np.float64 if is_double else np.float32)
    for chunk, start, end in chunks():
        scores[start:end] = project(chunk, mean, found.loadings)
    return Components(scores, found.loadings, found.variance, found.variance_ratio), is_double
