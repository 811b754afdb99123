"""Reading and writing of AnnData. Results are collected first and written together at the end, so a call that fails
(or is cancelled) leaves the object as it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from anndata import AnnData

from . import _arrays
from ._compat import warn


class Target:
    """One AnnData during one call: picks matrices from it, and holds what is to be written.

    ``obs``, ``var``, ``obsm``, ``varm``, ``obsp``, ``varp``, ``uns`` and ``layers`` are dictionaries of new entries.
    ``X`` is written by :meth:`set_matrix`.
    """

    SLOTS = ("obs", "var", "obsm", "varm", "obsp", "varp", "layers", "uns")

    def __init__(self, adata: AnnData) -> None:
        self.adata = adata
        self.obs: dict[str, Any] = {}
        self.var: dict[str, Any] = {}
        self.obsm: dict[str, Any] = {}
        self.varm: dict[str, Any] = {}
        self.obsp: dict[str, Any] = {}
        self.varp: dict[str, Any] = {}
        self.layers: dict[str, Any] = {}
        self.uns: dict[str, Any] = {}
        self._new_x: Any = None

    def matrix(self, layer: str | None = None, *, use_raw: bool = False, obsm: str | None = None) -> Any:
        """``X``, a layer, ``raw.X`` or an entry of ``obsm``; a KeyError names the keys there are."""
        return picked(self.adata, layer=layer, use_raw=use_raw, obsm=obsm)[0]

    def set_matrix(self, value: Any, layer: str | None = None, *, obsm: str | None = None) -> None:
        """Replaces ``X``, a layer or an entry of ``obsm`` at the end."""
        if layer is not None:
            self.layers[layer] = value
        elif obsm is not None:
            self.obsm[obsm] = value
        else:
            self._new_x = value

    def commit(self) -> None:
        """Writes everything; called once, at the end."""
        if self._new_x is not None and self._new_x is not self.adata.X:
            self.adata.X = self._new_x
        for slot in self.SLOTS:
            destination = getattr(self.adata, slot)
            for key, value in getattr(self, slot).items():
                destination[key] = value


def picked(
    adata: AnnData, *, layer: str | None = None, use_raw: bool = False, obsm: str | None = None
) -> tuple[Any, str]:
    """The matrix that a call works on, checked, and what to call it in messages."""
    if sum([layer is not None, use_raw, obsm is not None]) > 1:
        raise ValueError("Give only one of layer, use_raw and obsm.")
    if layer is not None:
        if layer not in adata.layers:
            raise KeyError(f"layer '{layer}' not found; adata.layers has {sorted(filter(None, adata.layers))}.")
        matrix, name = adata.layers[layer], f"adata.layers['{layer}']"
    elif obsm is not None:
        if obsm not in adata.obsm:
            raise KeyError(f"'{obsm}' not found; adata.obsm has {sorted(adata.obsm)}.")
        matrix, name = adata.obsm[obsm], f"adata.obsm['{obsm}']"
    elif use_raw:
        if adata.raw is None:
            raise ValueError("use_raw=True, but adata.raw is not set.")
        matrix, name = adata.raw.X, "adata.raw.X"
    else:
        if adata.isbacked:
            raise NotImplementedError("adata.X is backed by a file. Load it first: adata = adata.to_memory().")
        matrix, name = adata.X, "adata.X"
        if matrix is None:
            raise ValueError("adata.X is None; nothing to compute on.")
    return _arrays.checked(matrix, name), name


@contextmanager
def transaction(adata: AnnData, *, copy: bool = False, makes_actual: bool = False) -> Iterator[Target]:
    """Within it, compute; at its end, if nothing was raised, the results are written to ``adata`` (or to its copy).

    With ``makes_actual`` a view becomes an actual object, with scanpy's warning: for functions that write to matrices.
    ``target.adata`` is then that object already, and may be written in place.
    The object that was written is ``target.adata``: return it where scanpy returns a copy.
    """
    if not isinstance(adata, AnnData):
        raise TypeError(f"adata must be an AnnData, found {type(adata).__name__}.")
    is_replaced = makes_actual and adata.is_view and not copy
    if is_replaced:
        warn("Received a view of an AnnData. Making a copy.")
    target = Target(adata.copy() if copy or is_replaced else adata)
    yield target
    target.commit()
    if is_replaced:
        adata._init_as_actual(target.adata)
