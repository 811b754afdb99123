"""Genes that characterise groups: every group against all other cells, all genes."""

from __future__ import annotations

import os

from data import normalized

from . import step

T_TEST = "t-test of 24 groups"
WILCOXON = "Wilcoxon rank sums of 24 groups"


def _cellweave(adata, method):
    import cellweave as cw

    return lambda: cw.tl.rank_genes_groups(adata, "cell_type", method=method)


def _scanpy(adata, method):
    import scanpy as sc

    return lambda: sc.tl.rank_genes_groups(adata, "cell_type", method=method)


def _autozyme(adata, method):
    import autozyme

    autozyme.activate("scanpy")
    return _scanpy(adata, method)


def _crest(adata, method):
    import crest
    import polars as pl

    frame = crest.BioFrame.from_scipy(adata.X)
    frame.obs = frame.obs.with_columns(pl.Series("cell_type", adata.obs["cell_type"].astype(str).to_list()))
    return lambda: crest.tl.rank_genes_groups(frame, "cell_type", method=method, n_genes=adata.n_vars)


def _illico(adata, method):
    from illico import asymptotic_wilcoxon

    n_threads = len(os.sched_getaffinity(0))
    return lambda: asymptotic_wilcoxon(
        adata, is_log1p=True, group_keys="cell_type", n_threads=n_threads, tie_correct=False
    )


TOOLS = {"cellweave": _cellweave, "scanpy": _scanpy, "autozyme": _autozyme, "crest-sc": _crest, "illico": _illico}

for name, method in ((T_TEST, "t-test"), (WILCOXON, "wilcoxon")):
    for tool, call in TOOLS.items():
        if tool == "illico" and method != "wilcoxon":
            continue

        def prepare(adata, call=call, method=method):
            adata.obs["cell_type"] = adata.obs["cell_type"].astype("category")
            return call(normalized(adata), method)

        step(name, tool=tool, data="counts", warm_up=tool in ("scanpy", "autozyme"))(prepare)
