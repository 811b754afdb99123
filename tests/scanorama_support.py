"""Real data prepared as users of scanorama prepare it, and comparisons with the original."""

from __future__ import annotations

import anndata
import numpy as np
import scanpy as sc


def prepared_batches(adata: anndata.AnnData, *, n_top_genes: int = 500, every: int = 1) -> list[anndata.AnnData]:
    """Normalise, log1p, highly variable genes per batch; one object per batch, of every ``every``-th cell."""
    adata = adata[::every].copy()
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    sc.pp.highly_variable_genes(adata, n_top_genes=n_top_genes, batch_key="batch")
    adata = adata[:, adata.var["highly_variable"]].copy()
    return [adata[adata.obs["batch"] == batch].copy() for batch in adata.obs["batch"].unique()]


def matrices(batches: list[anndata.AnnData]) -> tuple[list, list]:
    """The first two arguments of integrate() and correct()."""
    return [batch.X.copy() for batch in batches], [batch.var_names.to_numpy() for batch in batches]


def jaccard(matches: dict, others: dict) -> float:
    """Of all pairs of matched cells that either found, the share that both found."""
    ours = {(key, pair) for key, pairs in matches.items() for pair in pairs}
    theirs = {(key, pair) for key, pairs in others.items() for pair in pairs}
    return len(ours & theirs) / len(ours | theirs)


def assert_same_coordinates(ours: list, theirs: list, tolerance: float = 1e-3) -> None:
    """Equal up to one sign per column, within ``tolerance`` of the standard deviation of the embedding."""
    ours, theirs = np.concatenate(ours), np.concatenate(theirs)
    assert ours.shape == theirs.shape
    signs = np.where((ours * theirs).sum(axis=0) < 0, -1.0, 1.0)
    assert np.abs(ours * signs - theirs).max() < tolerance * theirs.std()
