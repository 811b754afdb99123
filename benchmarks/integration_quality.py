"""How well data sets are integrated: cellweave's embeddings beside scanorama's, by scib-metrics.

    python benchmarks/integration_quality.py DATA.h5ad [MORE.h5ad ...] [--batch-key batch] [--label-key cell_type]

Counts are normalised, log-transformed, and highly variable genes chosen per batch with scanpy; then the batches are
integrated by scanorama and cellweave, approximately and exactly. Cells labelled 'unknown' or 'NA' are integrated too
but left out of the metrics. Needs scanpy, scanorama and scib-metrics (where that is missing, times alone are printed).
``--save FOLDER`` and ``--load FOLDER`` split the two halves over two environments: embeddings are kept in between.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import anndata
import numpy as np
import pandas as pd

UNLABELLED = ("unknown", "NA", "nan")


def prepared(path: Path, batch_key: str, n_top_genes: int) -> anndata.AnnData:
    """Normalised, logged counts of genes that are highly variable in the batches."""
    import scanpy as sc

    adata = anndata.read_h5ad(path)
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    sc.pp.highly_variable_genes(adata, n_top_genes=min(n_top_genes, adata.n_vars // 2), batch_key=batch_key)
    return adata[:, adata.var["highly_variable"]].copy()


def methods() -> dict[str, Callable[[list[anndata.AnnData]], None]]:
    """What is compared; each writes obsm['X_scanorama'] of the batches."""
    import scanorama

    import cellweave as cw

    return {
        "scanorama approx": lambda batches: scanorama.integrate_scanpy(batches, verbose=0),
        "scanorama exact": lambda batches: scanorama.integrate_scanpy(batches, verbose=0, approx=False),
        "cellweave approx": lambda batches: cw.integrate_scanpy(batches, verbose=0),
        "cellweave exact": lambda batches: cw.integrate_scanpy(batches, verbose=0, approx=False),
    }


def embedded(adata: anndata.AnnData, batch_key: str) -> tuple[anndata.AnnData, dict[str, float]]:
    """The object with one embedding per method, and seconds."""
    names = adata.obs[batch_key].unique()
    seconds = {}
    for name, integrate in methods().items():
        batches = [adata[adata.obs[batch_key] == batch].copy() for batch in names]
        start = time.perf_counter()
        integrate(batches)
        seconds[name] = time.perf_counter() - start
        joined = pd.concat([pd.DataFrame(batch.obsm["X_scanorama"], index=batch.obs_names) for batch in batches])
        adata.obsm[name] = joined.loc[adata.obs_names].to_numpy()
    return adata, seconds


def scored(adata: anndata.AnnData, batch_key: str, label_key: str) -> pd.DataFrame | None:
    """scib-metrics' batch, bio and total score of every embedding."""
    try:
        from scib_metrics.benchmark import Benchmarker
    except ImportError:
        return None
    labelled = adata[~adata.obs[label_key].astype(str).isin(UNLABELLED)].copy()
    labelled.obs[label_key] = labelled.obs[label_key].astype(str).astype("category")
    benchmark = Benchmarker(labelled, batch_key, label_key, embedding_obsm_keys=list(adata.obsm), progress_bar=False)
    benchmark.benchmark()
    table = benchmark.get_results(min_max_scale=False, clean_names=True)
    return table.drop(index="Metric Type", errors="ignore")[["Batch correction", "Bio conservation", "Total"]].astype(
        float
    )


def main() -> None:
    """Print one table per file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--batch-key", default="batch")
    parser.add_argument("--label-key", default="cell_type")
    parser.add_argument("--n-top-genes", type=int, default=2000)
    parser.add_argument("--save", type=Path, help="keep the embeddings in this folder, score nothing")
    parser.add_argument("--load", type=Path, help="score the embeddings of this folder, integrate nothing")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    anndata.settings.allow_write_nullable_strings = True  # obs names that pandas keeps as strings
    paths = sorted(options.load.glob("*.h5ad")) if options.load else options.files
    for path in paths:
        if options.load:
            adata = anndata.read_h5ad(path)
            seconds = dict(zip(adata.uns["methods"], adata.uns["seconds"], strict=True))
        else:
            adata, seconds = embedded(prepared(path, options.batch_key, options.n_top_genes), options.batch_key)
        adata.obsm = {name: adata.obsm[name] for name in seconds}
        if options.save:
            options.save.mkdir(parents=True, exist_ok=True)
            adata.uns = {"methods": np.array(list(seconds), dtype=object), "seconds": np.array(list(seconds.values()))}
            adata.write_h5ad(options.save / path.name)
        table = pd.DataFrame({"seconds": seconds})
        scores = None if options.save else scored(adata, options.batch_key, options.label_key)
        print(f"\n{path.stem}: {adata.n_obs} cells, {adata.obs[options.batch_key].nunique()} batches")
        print((table if scores is None else table.join(scores)).round(3).to_string())


if __name__ == "__main__":
    main()
