"""How the cost of integration grows with the cells and with the data sets."""

from __future__ import annotations

from . import step
from .integrate import _cellweave

SIZES = (12_500, 25_000, 50_000, 100_000, 200_000, 400_000)


@step("integrate", tool="cellweave", data="four_batches", cells=SIZES)
def integrate(adata):
    return _cellweave(adata)


@step("integrate, sketch of 2,500 a batch", tool="cellweave", data="four_batches", cells=SIZES)
def integrate_sketched(adata):
    return _cellweave(adata, sketch=True, sketch_max=2_500)


@step("integrate", tool="cellweave", data="twenty_six_batches", cells=(26_000, 52_000, 104_000))
def integrate_26(adata):
    return _cellweave(adata)
