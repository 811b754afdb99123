"""``python -m cellweave integrate``: the protocol of Hie, Kim, Rando, Bryson and Berger (Nature Protocols 2024)."""

from __future__ import annotations

import argparse
import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData

from .. import _subset, pp, scanorama, tl
from ..settings import settings
from ._figures import draw
from ._read import read, take_counts
from ._stop import Stop
from ._terminal import Clock, show_table

_CLUSTERS = "leiden"
_CLUSTERS_BEFORE = "leiden_before"
#: Labels of cells whose type nobody knows.
_UNLABELLED = ("unknown", "unassigned", "na", "nan", "none", "")
#: Those of the progress bar.
_N_STEPS = 16


def integrate(arguments: argparse.Namespace) -> None:
    """Runs the whole protocol and writes the integrated file and the figures."""
    if arguments.threads is not None:
        settings.n_threads = arguments.threads
    out = _checked_place(Path(arguments.out), arguments.files)
    if arguments.figures and Path(arguments.figures).is_file():
        raise Stop(f"--figures {arguments.figures} is a file; give a folder.")
    adata, batch_key, notes = read(arguments.files, arguments.batch_key)
    if adata.obs[batch_key].nunique() == 1:
        notes.append("there is one batch only: nothing is integrated")
    label_key = _label_key(adata, arguments.label_key)
    n_read = adata.n_obs, adata.n_vars

    clock = Clock(_N_STEPS)
    try:
        _prepare(adata, arguments, batch_key, clock, notes)
        _embed(adata, arguments, batch_key, clock)
        with clock.step("write the file"):
            _write(adata, out)
        written = [out]
        if not arguments.no_figures:
            written += _figures(adata, arguments, batch_key, label_key, out, clock, notes)
    finally:
        clock.close()
    _summary(adata, batch_key, label_key, n_read, clock, notes, written)


def _checked_place(out: Path, files: Sequence[str]) -> Path:
    """Says at the start, not after an hour, that the result cannot be written."""
    if out.resolve() in [Path(file).resolve() for file in files]:
        raise Stop(f"--out {out} is one of the files to read; choose another name.")
    if out.is_dir():
        raise Stop(f"--out {out} is a folder; give a file name such as {out / 'integrated.h5ad'}.")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Stop(f"cannot make the folder {out.parent.resolve()} ({error.strerror}); choose another --out.") from None
    if not os.access(out.parent, os.W_OK):
        raise Stop(f"cannot write into {out.parent.resolve()}; choose another place with --out.")
    return out


def _write(adata: AnnData, out: Path) -> None:
    """Writes the file whole or not at all."""
    unfinished = out.with_name(f"{out.name}.unfinished")
    try:
        adata.write_h5ad(unfinished, compression="gzip", compression_opts=1)
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)


def _label_key(adata: AnnData, asked: str | None) -> str | None:
    if asked is not None and asked not in adata.obs:
        columns = ", ".join(map(str, adata.obs.columns))
        raise Stop(f"obs has no column '{asked}'. It has: {columns}. Choose one with --label-key.")
    return asked or ("cell_type" if "cell_type" in adata.obs else None)


def _prepare(adata: AnnData, arguments: argparse.Namespace, batch_key: str, clock: Clock, notes: list[str]) -> None:
    """Counts to logarithms of the genes that vary: in place."""
    has_counts = take_counts(adata, notes)
    adata.var["mt"] = adata.var_names.str.upper().str.startswith("MT-")
    if has_counts:
        clock.run(
            "quality control",
            pp.calculate_qc_metrics,
            adata,
            qc_vars=["mt"],
            percent_top=None,
            log1p=False,
            inplace=True,
        )
    clock.run("filter cells", pp.filter_cells, adata, min_genes=arguments.min_genes)
    if has_counts:
        is_sound = adata.obs["pct_counts_mt"].to_numpy() <= arguments.max_mt
        if not is_sound.all():
            _subset.subset(adata, is_sound, axis=0)
    clock.run("filter genes", pp.filter_genes, adata, min_cells=arguments.min_cells)
    if 0 in adata.shape:
        raise Stop(
            f"{adata.n_obs} cells x {adata.n_vars} genes are left after quality control: lower --min-genes (now "
            f"{arguments.min_genes}) or --min-cells ({arguments.min_cells}), or raise --max-mt ({arguments.max_mt:g})."
        )
    adata.obs[batch_key] = adata.obs[batch_key].cat.remove_unused_categories()
    if has_counts:
        adata.layers["counts"] = adata.X.copy()
        clock.run("normalise", pp.normalize_total, adata, target_sum=1e4)
        clock.run("logarithm", pp.log1p, adata)
    clock.run("variable genes per batch", pp.highly_variable_genes, adata, batch_key=batch_key)
    _choose_genes(adata, arguments.min_batches, adata.obs[batch_key].nunique(), notes)


def _choose_genes(adata: AnnData, min_batches: int, n_batches: int, notes: list[str]) -> None:
    """Genes that vary in several batches, as the protocol advises; in fewer where hardly any would be left."""
    fewest = 100
    times_variable = adata.var["highly_variable_nbatches"].to_numpy()
    needed = max(1, min(min_batches, n_batches))
    while needed > 1 and (times_variable >= needed).sum() < fewest:
        needed -= 1
    adata.var["highly_variable"] = times_variable >= needed
    batches = "batch" if needed == 1 else "batches"
    notes.append(f"{int(adata.var['highly_variable'].sum()):,} genes vary in {needed} {batches} or more")


def _embed(adata: AnnData, arguments: argparse.Namespace, batch_key: str, clock: Clock) -> None:
    """The same graph, map and clusters without and with integration."""
    n_components = min(50, int(adata.var["highly_variable"].sum()) - 1, adata.n_obs - 1)
    if n_components < 2:
        raise Stop(f"{adata.n_obs} cells and {n_components + 1} variable genes are too few to integrate.")
    clock.run("PCA", pp.pca, adata, n_comps=n_components, random_state=arguments.seed)
    _graph(adata, arguments, clock, "X_pca", "before", _CLUSTERS_BEFORE)
    with clock.step("integrate"):
        scanorama.integrate_anndata(
            adata,
            batch_key,
            use_highly_variable=True,
            dimred=arguments.dimred,
            knn=arguments.knn,
            sigma=arguments.sigma,
            alpha=arguments.alpha,
            approx=not arguments.exact,
            sketch=arguments.sketch,
            sketch_max=arguments.sketch_max,
            seed=arguments.seed,
            verbose=0,
        )
    _graph(adata, arguments, clock, "X_scanorama", None, _CLUSTERS)


def _graph(
    adata: AnnData, arguments: argparse.Namespace, clock: Clock, representation: str, key: str | None, clusters: str
) -> None:
    suffix = f" ({key})" if key else ""
    n_neighbors = min(arguments.neighbors, adata.n_obs - 1)
    seed = arguments.seed
    clock.run(
        f"neighbours{suffix}",
        pp.neighbors,
        adata,
        n_neighbors=n_neighbors,
        use_rep=representation,
        key_added=key,
        random_state=seed,
    )
    of_graph = {"neighbors_key": key} if key else {}
    umap_key = {"key_added": f"X_umap_{key}"} if key else {}
    clock.run(f"UMAP{suffix}", tl.umap, adata, random_state=seed, **of_graph, **umap_key)
    clock.run(
        f"Leiden{suffix}",
        tl.leiden,
        adata,
        resolution=arguments.resolution,
        key_added=clusters,
        random_state=seed,
        flavor="igraph",
        n_iterations=2,
        directed=False,
        **of_graph,
    )


def _figures(
    adata: AnnData,
    arguments: argparse.Namespace,
    batch_key: str,
    label_key: str | None,
    out: Path,
    clock: Clock,
    notes: list[str],
) -> list[Path]:
    if importlib.util.find_spec("scanpy") is None:
        notes.append("figures need scanpy: pip install 'cellweave[scanpy]'")
        return []
    folder = Path(arguments.figures) if arguments.figures else out.parent
    folder.mkdir(parents=True, exist_ok=True)
    columns = {"batch": (batch_key, batch_key)}
    if label_key is not None:
        columns[label_key] = (label_key, label_key)
    columns["Leiden"] = (_CLUSTERS_BEFORE, _CLUSTERS)
    with clock.step("draw the figures"):
        return draw(adata, columns, folder)


def _known(labels: pd.Series) -> pd.Series:
    """Without the labels that mean: none."""
    return labels.where(~labels.astype(str).str.lower().isin(_UNLABELLED))


def mutual_information(first: pd.Series, second: pd.Series) -> float:
    """Mutual information of two labellings in nats, over the cells that have both."""
    known = (first.notna() & second.notna()).to_numpy()
    if not known.any():
        return float("nan")
    joint = pd.crosstab(first[known].astype(str), second[known].astype(str)).to_numpy().astype(np.float64)
    joint /= joint.sum()
    expected = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    positive = joint > 0
    return float((joint[positive] * np.log(joint[positive] / expected[positive])).sum())


def _summary(
    adata: AnnData,
    batch_key: str,
    label_key: str | None,
    n_read: tuple[int, int],
    clock: Clock,
    notes: list[str],
    written: list[Path],
) -> None:
    print(f"{n_read[0]:,} cells x {n_read[1]:,} genes read, {adata.n_obs:,} x {adata.n_vars:,} kept")
    for note in notes:
        print(f"- {note}")
    if adata.n_obs < 0.5 * n_read[0]:
        print("- more than half of the cells were filtered out: look at --min-genes and --max-mt")

    show_table("Steps", ("step", "seconds"), [(title, f"{seconds:.2f}") for title, seconds in clock.rows])

    report = adata.uns["scanorama"]
    alignments = report["alignments"]
    rows = [
        (row["first"], row["second"], f"{row['score']:.3f}", f"{row['n_matches']:,}", "yes" if row["used"] else "no")
        for _, row in alignments.iterrows()
    ]
    if rows:
        show_table("Alignments", ("batch", "with", "score", "matched pairs", "used"), rows)
    panoramas = pd.Series(report["datasets"]).groupby(np.asarray(report["panorama"])).agg(", ".join)
    print("\nTogether now: " + "; ".join(panoramas))

    keys = [batch_key] + ([label_key] if label_key else [])
    information = [
        (
            key,
            f"{mutual_information(adata.obs[_CLUSTERS_BEFORE], _known(adata.obs[key])):.3f}",
            f"{mutual_information(adata.obs[_CLUSTERS], _known(adata.obs[key])):.3f}",
        )
        for key in keys
    ]
    show_table("Mutual information with the Leiden clusters (nats)", ("labels", "before", "after"), information)
    print("  Lower is better for batches, higher for cell types.")
    print("\nWritten: " + ", ".join(map(str, written)))
