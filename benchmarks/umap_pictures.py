"""Draws our UMAP beside scanpy's, of the same neighbour graph, and says how well each keeps the neighbourhoods.

python benchmarks/umap_pictures.py pbmc_8batch.h5ad --out docs/images/umap_pbmc.png
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))


def with_graph(path: Path, batch_key: str):
    """The cells with the neighbour graph of their integrated coordinates."""
    import anndata
    import numpy as np
    from scipy import sparse

    import cellweave as cw

    adata = anndata.read_h5ad(path)
    adata.X = sparse.csr_matrix(adata.X, dtype=np.float32)
    cw.pp.normalize_total(adata, target_sum=1e4)
    cw.pp.log1p(adata)
    cw.pp.highly_variable_genes(adata, batch_key=batch_key)
    adata = adata[:, adata.var["highly_variable_nbatches"] > 2].copy()
    cw.integrate_anndata(adata, batch_key=batch_key, verbose=0)
    cw.pp.neighbors(adata, use_rep="X_scanorama")
    return adata


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("--batch-key", default="batch")
    parser.add_argument("--label-key", default="cell_type")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()

    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import scanpy as sc

    import cellweave as cw
    from embedding_scores import scores

    adata = with_graph(options.source, options.batch_key)
    labels = adata.obs[options.label_key]
    figure, axes = plt.subplots(1, 2, figsize=(15, 6), layout="constrained")
    for axis, (name, umap) in zip(axes, {"cellweave": cw.tl.umap, "scanpy": sc.tl.umap}.items(), strict=True):
        start = time.perf_counter()
        umap(adata)
        seconds = time.perf_counter() - start
        found = scores(adata.obsm["X_scanorama"], adata.obsm["X_umap"], labels)
        print(f"{name}: {seconds:.2f} s, " + ", ".join(f"{key} {value:.4f}" for key, value in found.items()))
        sc.pl.umap(
            adata,
            color=options.label_key,
            ax=axis,
            show=False,
            frameon=False,
            title=f"{name}: trustworthiness {found['trustworthiness']:.3f}",
            legend_loc="right margin" if name == "scanpy" else None,
        )
    options.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.out, dpi=90)


if __name__ == "__main__":
    main()
