"""Taking cells or genes out of an AnnData in place: sparse matrices through the engine, all else through anndata."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
from anndata import AnnData
from scipy import sparse

from . import _arrays
from ._core import engine
from .settings import settings

#: What is aligned with cells or genes, besides X and the layers.
_ALIGNED = ("obsm", "varm", "obsp", "varp")

#: Sizes of values that the engine moves; it does not look at what they mean.
_WORD_SIZES = (1, 2, 4, 8)


def take(matrix: Any, index: np.ndarray, axis: int, name: str = "X") -> Any:
    """``matrix[index]`` (axis 0) or ``matrix[:, index]`` (axis 1) for a mask or positions, as a new matrix.

    A mask that keeps everything returns ``matrix`` itself.
    """
    index = np.asarray(index)
    is_mask = index.dtype == bool
    if is_mask and index.all():
        return matrix
    if not _is_taken_by_engine(matrix):
        return matrix[index] if axis == 0 else matrix[:, index]
    positions = np.flatnonzero(index) if is_mask else index.astype(np.int64)
    n_old = matrix.shape[axis]
    if positions.size and (positions.min() < -n_old or positions.max() >= n_old):
        raise IndexError(f"{name}: index {positions.min()} to {positions.max()} is out of range for {n_old} entries.")
    positions = np.where(positions < 0, positions + n_old, positions)
    is_along_lines = (matrix.format == "csr") == (axis == 0)
    is_rising = bool(np.all(np.diff(positions) > 0))
    if positions.size > n_old if is_along_lines else not is_rising:  # repeats may need wider indices than there are
        _arrays.sound(matrix, name)
        return matrix[positions] if axis == 0 else matrix[:, positions]
    if is_along_lines:
        parts = engine.select_lines(_view(matrix, name), positions, settings.n_threads)
    else:
        new_position = np.full(n_old, -1, dtype=np.int64)
        new_position[positions] = np.arange(positions.size)
        parts = engine.select_positions(_view(matrix, name), new_position, settings.n_threads)
    shape = (positions.size, matrix.shape[1]) if axis == 0 else (matrix.shape[0], positions.size)
    return _plain_class(matrix)(parts, shape=shape)


def subset(adata: AnnData, index: np.ndarray, axis: int, annotation: dict[str, np.ndarray] | None = None) -> None:
    """Keeps the cells (axis 0) or genes (axis 1) of ``index`` in ``adata``; a view becomes actual.

    Matrices are new also where everything is kept: what else holds the old ones does not see later steps.
    ``annotation`` holds new columns of ``obs`` or ``var``, as long as before the subsetting.
    """
    columns = {key: np.asarray(values)[index] for key, values in (annotation or {}).items()}
    layers = {key: layer for key, layer in adata.layers.items() if key is not None}  # anndata 0.13 lists X as None
    matrices = {"X": adata.X, **{f"layers[{key!r}]": layer for key, layer in layers.items()}}
    taken = {name: _taken_out(matrix, index, axis, name) for name, matrix in matrices.items() if matrix is not None}
    view = adata[index] if axis == 0 else adata[:, index]
    kept = AnnData(
        X=taken.get("X"),
        layers={key: taken[f"layers[{key!r}]"] for key in layers},
        uns=deepcopy(dict(view.uns)),  # without the colours of categories that are gone
        raw=None if view.raw is None else {"X": view.raw.X, "var": view.raw.var, "varm": dict(view.raw.varm)},
        **{slot: getattr(view, slot).copy() for slot in ("obs", "var")},
        **{slot: {key: entry.copy() for key, entry in getattr(view, slot).items()} for slot in _ALIGNED},
    )
    table = kept.obs if axis == 0 else kept.var
    for key, values in columns.items():
        table[key] = values
    adata._init_as_actual(kept)


def _taken_out(matrix: Any, index: np.ndarray, axis: int, name: str) -> Any:
    """A matrix of its own, of a plain class."""
    taken = take(matrix, index, axis, name)
    taken = taken.copy() if taken is matrix else taken
    if isinstance(taken, np.ndarray):
        return np.asarray(taken)
    if _arrays.is_sparse(taken) and taken.format in ("csr", "csc"):
        return _plain_class(taken)(taken)
    return taken


def _is_taken_by_engine(matrix: Any) -> bool:
    return _arrays.is_sparse(matrix) and matrix.format in ("csr", "csc") and matrix.dtype.itemsize in _WORD_SIZES


def _view(matrix: Any, name: str) -> Any:
    return _arrays.compressed(matrix, name, readable=(matrix.dtype,), check_indices=False)


def _plain_class(matrix: Any) -> type:
    """The scipy class behind ``matrix``, which may be anndata's view of one."""
    if isinstance(matrix, sparse.sparray):
        return sparse.csr_array if matrix.format == "csr" else sparse.csc_array
    return sparse.csr_matrix if matrix.format == "csr" else sparse.csc_matrix
