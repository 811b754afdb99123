"""Layouts: UMAP and t-SNE.

The divergence of a t-SNE is what its tool says, of its own affinities and by its own approximation of the repulsion;
tests/tsne_support.py compares divergences of the same affinities.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np

from . import step
from .neighbors import brisc_cells

#: Steps of t-SNE under early exaggeration, and after.
STEPS = (250, 500)


def _trustworthiness(adata, layout) -> dict[str, float]:
    sys.path.append(str(Path(__file__).resolve().parents[2] / "tests"))
    from embedding_scores import scores

    return {"trustworthiness": scores(adata.obsm["X_pca"], np.asarray(layout), n_cells=500)["trustworthiness"]}


def _umap(adata, module):
    return lambda: module.tl.umap(adata), lambda: _trustworthiness(adata, adata.obsm["X_umap"])


@step("umap", tool="cellweave", data="neighbor_graph")
def umap_cellweave(adata):
    import cellweave as cw

    return _umap(adata, cw)


@step("umap", tool="scanpy", data="neighbor_graph", warm_up=True)
def umap_scanpy(adata):
    import scanpy as sc

    return _umap(adata, sc)


@step("umap", tool="autozyme", data="neighbor_graph", warm_up=True)
def umap_autozyme(adata):
    import autozyme
    import scanpy as sc

    autozyme.activate("scanpy")
    return _umap(adata, sc)


@step("umap", tool="crest-sc", data="neighbor_graph")
def umap_crest(adata):
    import crest

    frame = crest.BioFrame.from_scipy(adata.X)
    frame.obsm["X_pca"] = adata.obsm["X_pca"]
    crest.pp.neighbors(frame, 15)
    return lambda: crest.tl.umap(frame), lambda: _trustworthiness(adata, frame.obsm["X_umap"])


def _umap_brisc(adata, **options):
    cells = brisc_cells(adata).neighbors(QC_column=None, num_neighbors=14)
    found = []

    def call():
        found[:] = [cells.umap(QC_column=None, **options)]

    return call, lambda: _trustworthiness(adata, found[0].obsm["umap"])


@step("umap", tool="brisc", data="neighbor_graph")
def umap_brisc(adata):
    """Its default, on one thread: the result can be repeated."""
    return _umap_brisc(adata)


@step("umap, racing threads", tool="brisc", data="neighbor_graph")
def umap_brisc_racing(adata):
    """It cannot be repeated."""
    return _umap_brisc(adata, hogwild=True, num_threads=len(os.sched_getaffinity(0)))


@step("tsne", tool="cellweave", data="neighbor_graph", cells=(10_000, 50_000))
def tsne_cellweave(adata):
    import cellweave as cw

    def judge():
        kl = adata.uns["tsne"]["kl_divergence"]
        return {"own KL": float(kl), **_trustworthiness(adata, adata.obsm["X_tsne"])}

    return lambda: cw.tl.tsne(adata, use_rep="X_pca", learning_rate="auto", max_iter=sum(STEPS)), judge


@step("tsne", tool="openTSNE", data="neighbor_graph", cells=(10_000, 50_000))
def tsne_opentsne(adata):

    from openTSNE import TSNE

    n_threads = len(os.sched_getaffinity(0))
    found = []

    def call():
        method = TSNE(n_jobs=n_threads, early_exaggeration_iter=STEPS[0], n_iter=STEPS[1], random_state=0)
        found[:] = [method.fit(adata.obsm["X_pca"])]

    return call, lambda: {"own KL": float(found[0].kl_divergence), **_trustworthiness(adata, found[0])}


@step("tsne", tool="scikit-learn", data="neighbor_graph", cells=(10_000,))
def tsne_sklearn(adata):
    from sklearn.manifold import TSNE

    found = []

    def call():
        method = TSNE(max_iter=sum(STEPS), n_jobs=-1, random_state=0)
        found[:] = [method.fit_transform(adata.obsm["X_pca"]), method.kl_divergence_]

    return call, lambda: {"own KL": float(found[1]), **_trustworthiness(adata, found[0])}
