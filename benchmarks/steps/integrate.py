"""Integration of batches and geometric sketching."""

from __future__ import annotations

from . import step

BATCHES = ("four_batches", "pbmc_8batch")


def _split(adata):
    return [adata[adata.obs["batch"] == batch].copy() for batch in adata.obs["batch"].cat.categories]


def _cellweave(adata, **options):
    import cellweave as cw

    adatas = _split(adata)
    return lambda: cw.scanorama.integrate_scanpy(adatas, verbose=0, **options)


def _scanorama(adata, **options):
    import contextlib
    import os

    import scanorama

    adatas = _split(adata)

    def integrate():
        with open(os.devnull, "w") as silence, contextlib.redirect_stdout(silence):
            scanorama.integrate_scanpy(adatas, verbose=0, **options)

    return integrate


@step("integrate (approximate search)", tool="cellweave", data=BATCHES)
def approximate_cellweave(adata):
    return _cellweave(adata)


@step("integrate (approximate search)", tool="scanorama", data=BATCHES)
def approximate_scanorama(adata):
    return _scanorama(adata)


@step("integrate (exact search)", tool="cellweave", data=BATCHES)
def exact_cellweave(adata):
    return _cellweave(adata, approx=False)


@step("integrate (exact search)", tool="scanorama", data=BATCHES)
def exact_scanorama(adata):
    return _scanorama(adata, approx=False)


@step("geosketch to a tenth", tool="cellweave", data="pca_50")
def geosketch_cellweave(adata):
    from cellweave.geosketch import gs

    return lambda: gs(adata.X, adata.n_obs // 10, seed=0)


@step("geosketch to a tenth", tool="geosketch", data="pca_50")
def geosketch_original(adata):
    from geosketch import gs

    return lambda: gs(adata.X, adata.n_obs // 10, seed=0)
