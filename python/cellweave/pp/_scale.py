"""Scaling of genes to unit variance."""

from __future__ import annotations

from typing import Any

import numpy as np
from anndata import AnnData

from .. import _anndata, _arrays, _checks
from .._compat import old_positionals, renamed_argument, warn
from .._core import engine
from ..settings import logger, settings


def _floats(matrix: Any, name: str) -> Any:
    """``matrix`` in float32 or float64, dense ones C-contiguous and writable; integers become float64."""
    if _arrays.is_sparse(matrix) and matrix.format not in ("csr", "csc"):
        matrix = matrix.tocsr()
    if matrix.dtype not in _arrays.REAL:
        if matrix.dtype.kind in "iub":
            logger.info("as scaling leads to float results, integer input is cast to float, returning copy.")
        matrix = matrix.astype(np.float64)
    if not _arrays.is_sparse(matrix):
        return np.require(matrix, requirements=["C", "W"])
    return matrix if matrix.data.flags.writeable else matrix.copy()


def _means_and_stds(view: Any, shape: tuple[int, int], mask: np.ndarray | None, name: str) -> tuple[Any, Any]:
    """Means and standard deviations of the columns over the cells of the mask; those of constant columns are 1."""
    groups = None if mask is None else np.where(mask, 0, -1).astype(np.int32)
    sums, squares, _, _, has_nonfinite = engine.sum_moments(view, groups, threads=settings.n_threads)
    if has_nonfinite:
        raise ValueError(f"{name} holds NaN or infinite values. Remove those cells or genes, or fill them in.")
    n_cells = shape[0] if mask is None else int(mask.sum())
    means = sums[0] / max(n_cells, 1)
    variances = squares[0] / max(n_cells, 1) - means**2
    # What is left of a constant column's variance is rounding; dividing by its root would blow it up.
    variances[variances <= 1e-14 * means**2] = 0
    if n_cells > 1:
        variances *= n_cells / (n_cells - 1)
    stds = np.sqrt(variances)
    stds[stds == 0] = 1
    return means, stds


def scaled(
    matrix: Any, mask: np.ndarray | None, *, zero_center: bool, max_value: float | None, name: str
) -> tuple[Any, np.ndarray, np.ndarray]:
    """The scaled matrix (``matrix`` itself, in place, where its kind allows), the means and the standard deviations."""
    if not zero_center and max_value is not None:
        logger.info("... be careful when using `max_value` without `zero_center`.")
    matrix = _floats(matrix, name)
    rows = np.zeros(0, dtype=np.uint8) if mask is None else mask.astype(np.uint8)
    n_threads = settings.n_threads
    if not _arrays.is_sparse(matrix):
        means, stds = _means_and_stds(matrix, matrix.shape, mask, name)
        engine.scale_in_place(matrix, rows, means, stds, zero_center, max_value, n_threads)
        return matrix, means, stds
    if mask is not None and not zero_center and matrix.format == "csc":
        _arrays.compressed(matrix, name)  # scipy's conversion trusts the structure, so check it before
        matrix = matrix.tocsr()
    view = _arrays.compressed(matrix, name, check_indices=False)
    means, stds = _means_and_stds(view, matrix.shape, mask, name)
    if not zero_center:
        engine.scale_in_place(view, rows, means, stds, False, max_value, n_threads)
        return matrix, means, stds
    warn("zero-centering a sparse array/matrix densifies it.")
    # scipy takes float64 means from a sparse matrix to float64, whatever the matrix was.
    out = np.empty(matrix.shape, dtype=np.float64 if mask is None else matrix.dtype)
    by_row = view if matrix.format == "csr" else _arrays.csr(matrix, name)
    engine.scale_to_dense(by_row, rows, means, stds, True, max_value, out, n_threads)
    return (out if mask is None else type(matrix)(out)), means, stds


@renamed_argument("X", "data", is_first=True)
@old_positionals("zero_center", "max_value", "copy", "layer", "obsm")
def scale(
    data: AnnData | Any,
    *,
    zero_center: bool = True,
    max_value: float | None = None,
    copy: bool = False,
    layer: str | None = None,
    obsm: str | None = None,
    mask_obs: np.ndarray | str | None = None,
) -> AnnData | Any | None:
    """Scale genes to unit variance and, by default, zero mean.

    Parity: exact (``scanpy.pp.scale``): standard deviations divide by n - 1, constant genes get standard deviation 1,
    and sparse input becomes a dense float64 matrix if centred (the bytes of that are all that is allocated). Dense
    float32 and float64, and sparse without ``zero_center``, are changed in place; integers become float64. To have
    principal components of scaled genes without a dense matrix, use ``pca(scale=True)`` instead.

    Parameters
    ----------
    data
        AnnData, or a matrix of cells x genes (dense, CSR, CSC).
    zero_center
        Take the means away. False keeps sparse matrices sparse.
    max_value
        Clip to this value after scaling; with ``zero_center`` also to its negative.
    copy
        Work on a copy and return it.
    layer, obsm
        Scale a layer, or an entry of ``obsm``, instead of ``adata.X``.
    mask_obs
        Boolean array over cells, or the name of a column of ``adata.obs``: only these cells make the means and
        standard deviations, and only they are scaled.

    Returns
    -------
    None, or the copy; for matrices the result. ``adata.var`` gets ``mean`` and ``std`` (``mean of M`` and ``std of M``
    for a mask named M, ``mean with mask`` and ``std with mask`` for an array).

    Raises
    ------
    ValueError
        The matrix holds NaN or infinite values, or the mask does not fit.
    """
    _checks.number(max_value, "max_value", above=0)
    if not isinstance(data, AnnData):
        given = {"layer": layer, "obsm": obsm}
        invalid = [name for name, value in given.items() if value is not None]
        if invalid:
            raise TypeError(f"Arguments {invalid} are only valid if an AnnData object is passed.")
        matrix = _arrays.checked(data, "data")
        mask = _checks.mask(matrix, mask_obs, "obs", "mask_obs")
        matrix = matrix.copy() if copy else matrix
        return scaled(matrix, mask, zero_center=zero_center, max_value=max_value, name="data")[0]
    names = ("mean", "std")
    if mask_obs is not None:
        what = f"of {mask_obs}" if isinstance(mask_obs, str) else "with mask"
        names = (f"mean {what}", f"std {what}")
    mask = _checks.mask(data, mask_obs, "obs", "mask_obs")
    with _anndata.transaction(data, copy=copy, makes_actual=True) as target:
        matrix, name = _anndata.picked(target.adata, layer=layer, obsm=obsm)
        if obsm is not None and matrix.shape[1] != data.n_vars:
            raise ValueError(
                f"{name} has {matrix.shape[1]} columns, but adata has {data.n_vars} genes: their means and standard "
                "deviations do not fit adata.var. Scale the matrix itself: scale(adata.obsm[...])."
            )
        result, means, stds = scaled(matrix, mask, zero_center=zero_center, max_value=max_value, name=name)
        target.set_matrix(result, layer, obsm=obsm)
        target.var.update(dict(zip(names, (means, stds), strict=True)))
    return target.adata if copy else None
