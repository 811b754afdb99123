"""Files of a user as one AnnData of counts with a batch column."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
from anndata import AnnData

from .._arrays import is_sparse
from ._stop import Stop

#: A matrix with a larger value than this is not a logarithm of counts.
_LARGEST_LOG = 25.0


def read(files: Sequence[str], batch_key: str | None) -> tuple[AnnData, str, list[str]]:
    """The cells of all files, the batch column's name, and notes on what was done. No file: the panorama."""
    notes: list[str] = []
    if not files:
        from ..datasets import panorama

        adata = panorama()
        notes.append("no file given: this is the embedded panorama of synthetic blood cells")
    else:
        adata = _joined([(Path(file), _read_one(Path(file))) for file in files], batch_key, notes)
    batch_key = _checked_batches(adata, batch_key or "batch")
    if not adata.obs_names.is_unique:
        adata.obs_names_make_unique()
        notes.append("cells with the same name were numbered")
    return adata, batch_key, notes


def _read_one(path: Path) -> AnnData:
    if not path.exists():
        raise Stop(f"there is no file {path}.")
    try:
        adata = anndata.read_h5ad(path)
    except Exception as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise Stop(
            f"cannot read {path} as h5ad ({reason[0]}). Other formats: read them with scanpy and write them with "
            "adata.write_h5ad(...)."
        ) from error
    for table in (adata.obs, adata.var):
        _take_plain_strings(table)
    if 0 in adata.shape:
        raise Stop(f"{path} holds {adata.n_obs} cells x {adata.n_vars} genes; nothing to integrate.")
    return adata


def _take_plain_strings(table: pd.DataFrame) -> None:
    """Strings as objects or categories: anndata reads pandas' nullable strings, but by default writes none."""
    if isinstance(table.index.dtype, pd.StringDtype):
        table.index = table.index.astype(object)
    for column in table.columns:
        if isinstance(table[column].dtype, pd.StringDtype):
            table[column] = table[column].astype(object).astype("category")


def _joined(parts: list[tuple[Path, AnnData]], batch_key: str | None, notes: list[str]) -> AnnData:
    for path, adata in parts:
        if not adata.var_names.is_unique:
            adata.var_names_make_unique()
            notes.append(f"{path.name}: genes with the same name were numbered")
    if len(parts) == 1:
        return parts[0][1]
    wanted = batch_key or "batch"
    has_column = [wanted in adata.obs for _, adata in parts]
    if batch_key is not None and not all(has_column):
        path, adata = parts[has_column.index(False)]
        raise Stop(_missing_column(batch_key, adata, f" of {path}"))
    names = _names_of_files([path for path, _ in parts])
    if not all(has_column):
        for name, (_, adata) in zip(names, parts, strict=True):
            adata.obs[wanted] = name
        notes.append("every file is a batch of its own")
        for (path, _), is_there in zip(parts, has_column, strict=True):
            if is_there:
                notes.append(f"{path.name}: its column '{wanted}' is not used, for other files have none")
    shared = set.intersection(*(set(adata.var_names) for _, adata in parts))
    if not shared:
        shapes = ", ".join(f"{path.name}: {adata.n_obs} x {adata.n_vars}" for path, adata in parts)
        raise Stop(
            f"the files share no gene name ({shapes}). Rows must be cells and columns genes, named in the same way."
        )
    columns = {name: adata for name, (_, adata) in zip(names, parts, strict=True)}
    merged = anndata.concat(columns, join="inner", merge="same", index_unique="-")
    notes.append(f"{len(shared):,} genes are shared by all files")
    return merged


def _names_of_files(paths: list[Path]) -> list[str]:
    stems = [path.stem for path in paths]
    return stems if len(set(stems)) == len(stems) else [f"{k}_{stem}" for k, stem in enumerate(stems)]


def _missing_column(key: str, adata: AnnData, where: str = "") -> str:
    columns = ", ".join(map(str, adata.obs.columns)) or "none"
    return f"obs{where} has no column '{key}'. It has: {columns}. Choose one with --batch-key."


def _checked_batches(adata: AnnData, batch_key: str) -> str:
    if batch_key not in adata.obs:
        raise Stop(_missing_column(batch_key, adata))
    batches = adata.obs[batch_key]
    n_missing = int(batches.isna().sum())
    if n_missing:
        raise Stop(f"obs['{batch_key}'] has {n_missing} missing value(s). Fill them in, or drop those cells.")
    adata.obs[batch_key] = pd.Categorical(batches.astype(str))
    return batch_key


def take_counts(adata: AnnData, notes: list[str]) -> bool:
    """Puts counts into ``X``, from ``layers['counts']`` or ``raw`` where it holds none. False: X is a logarithm."""
    if _is_counts(adata.X):
        return True
    if "counts" in adata.layers and _is_counts(adata.layers["counts"]):
        adata.X = adata.layers["counts"].copy()
        notes.append("X holds no counts: layers['counts'] is used")
        return True
    if adata.raw is not None and _is_counts(adata.raw.X) and adata.var_names.isin(adata.raw.var_names).all():
        adata.X = adata.raw[:, adata.var_names].X.copy()
        notes.append("X holds no counts: raw is used")
        return True
    values = adata.X.data if is_sparse(adata.X) else np.asarray(adata.X)
    if not np.isfinite(values).all():
        raise Stop("X holds NaN or infinite values. Remove those cells or genes, or fill them in.")
    if values.size and values.max() > _LARGEST_LOG:
        raise Stop(
            f"X holds neither counts (whole numbers) nor their logarithm (largest value {values.max():.4g}). "
            "Put counts into X, layers['counts'] or raw."
        )
    notes.append("X holds no counts: it is taken as normalised and log-transformed")
    return False


def _is_counts(matrix: Any) -> bool:
    values = matrix.data if is_sparse(matrix) else np.asarray(matrix).ravel()
    values = values[:1_000_000]
    return bool(
        values.size == 0 or (np.isfinite(values).all() and (values >= 0).all() and (values == np.round(values)).all())
    )
