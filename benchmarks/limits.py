"""How close the steps from counts to components come to what the machine can do.

For each step: the bytes that any program must move for it, read once, rewritten in place or written to memory that the
system has just lent, and the floating-point operations of its main sum; the time that this takes at the rates which
numpy reaches here with as many threads; and the time that cellweave took, from the results that compare.py has kept on
the same machine. Writes the table into docs/benchmarks.md.

    python benchmarks/compare.py --rooms preprocess,variable_genes,pca --tools cellweave
    python benchmarks/limits.py
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import anndata
import data
import numpy as np
import report

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Work:
    """Bytes and double-precision operations that a step can't do without."""

    read: float = 0
    rewritten: float = 0
    new: float = 0
    flops: float = 0


@dataclass(frozen=True)
class Rates:
    """Bytes and operations a second, all threads together."""

    read: float
    rewrite: float
    new: float
    flops: float

    def seconds(self, work: Work) -> float:
        """Memory and arithmetic can go on side by side."""
        moving = work.read / self.read + work.rewritten / self.rewrite + work.new / self.new
        return max(moving, work.flops / self.flops)


@dataclass(frozen=True)
class Sparse:
    """A sparse matrix of 4-byte values and 4-byte indices."""

    n_cells: int
    n_genes: int
    entries_of_cells: np.ndarray

    @classmethod
    def of(cls, adata: anndata.AnnData) -> Sparse:
        return cls(adata.n_obs, adata.n_vars, np.diff(adata.X.indptr).astype(np.float64))

    @property
    def values(self) -> float:
        return 4 * self.entries_of_cells.sum()

    @property
    def all(self) -> float:
        return 2 * self.values

    def dense(self, itemsize: int) -> float:
        return itemsize * self.n_cells * self.n_genes

    @property
    def gram_of_entries(self) -> float:
        """Products of the pairs of entries of a cell, each pair once: a multiplication and an addition."""
        return (self.entries_of_cells**2).sum()

    @property
    def gram_of_all(self) -> float:
        return self.n_cells * self.n_genes**2


#: What each step must do, from its matrix: of all 20,000 genes, or of 2,000 where its name says so.
WORK: dict[tuple[str, str], Callable[[Sparse], Work]] = {
    # One look at every entry.
    ("preprocess", "QC metrics"): lambda x: Work(read=x.all),
    ("preprocess", "QC metrics, cells alone"): lambda x: Work(read=x.all),
    # Count, then copy what is kept, for cells and again for genes.
    ("preprocess", "filter cells and genes"): lambda x: Work(read=x.values + x.all + 2 * x.all, new=2 * x.all),
    # Totals, division, logarithm (about 30 operations in single precision).
    ("preprocess", "normalize and log1p"): lambda x: Work(read=x.values, rewritten=2 * x.values),
    # Moments, then the dense result in float64, as scanpy gives it.
    ("preprocess", "scale 2,000 genes, max 10"): lambda x: Work(read=2 * x.all, new=x.dense(8)),
    # Products with three terms, then the dense result less the fit.
    ("preprocess", "regress out 2 keys, 2,000 genes"): lambda x: Work(
        read=2 * x.all, new=x.dense(4), flops=6 * x.values / 4 + 6 * x.dense(1)
    ),
    # Means of all genes, from which the control genes are drawn, then the scores.
    ("preprocess", "score 50 genes"): lambda x: Work(read=2 * x.all),
    ("variable_genes", "variable genes, seurat"): lambda x: Work(read=x.all),
    ("variable_genes", "variable genes, seurat, 4 batches"): lambda x: Work(read=x.all),
    # Moments, then the clipped ones.
    ("variable_genes", "variable genes, seurat_v3"): lambda x: Work(read=2 * x.all),
    ("variable_genes", "variable genes, seurat_v3, 4 batches"): lambda x: Work(read=2 * x.all),
    # The Gram matrix, of the entries that are stored or of all, and the projection.
    ("pca", "50 components of genes, sparse"): lambda x: Work(
        read=2 * x.all, flops=x.gram_of_entries + 100 * x.values / 4
    ),
    ("pca", "scale, max 10, and 50 components, from sparse"): lambda x: Work(
        read=3 * x.all, flops=x.gram_of_entries + 100 * x.values / 4
    ),
    # Scaled zeros are one number a gene: the entries are found in the dense matrix.
    ("pca", "50 components of scaled genes, dense"): lambda x: Work(
        read=x.dense(8), flops=x.gram_of_entries + 100 * x.values / 4
    ),
    ("pca", "50 components of regressed genes, dense"): lambda x: Work(
        read=2 * x.dense(4), flops=x.gram_of_all + 100 * x.dense(1)
    ),
}


def _rate(amount: float, call: Callable[[], object], repeats: int = 5) -> float:
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return amount / min(seconds)


def measured_rates(n_threads: int) -> Rates:
    """Of numpy, which gives the interpreter's lock back in these calls."""
    n_bytes = 512 * 2**20
    parts = np.array_split(np.ones(n_bytes // 4, dtype=np.float32), n_threads)
    square = np.ones((2048, 2048))
    with ThreadPoolExecutor(n_threads) as pool:

        def on_all(f: Callable[[np.ndarray], object]) -> Callable[[], object]:
            return lambda: list(pool.map(f, parts))

        return Rates(
            read=_rate(n_bytes, on_all(np.max)),
            rewrite=_rate(n_bytes, on_all(lambda part: np.add(part, 1, out=part))),
            new=_rate(n_bytes, on_all(lambda part: np.empty_like(part).fill(1))),
            flops=_rate(2 * 2048**3, lambda: square @ square),
        )


def _row(record: dict, work: Work, rates: Rates) -> str:
    seconds = median(record["seconds"])
    limit = rates.seconds(work)
    megabytes = [f"{amount / 1e6:,.0f}" for amount in (work.read, work.rewritten, work.new)]
    cells = [record["step"], f"{record['n_cells']:,}", *megabytes, f"{work.flops / 1e9:.1f}"]
    return "| " + " | ".join([*cells, f"{1e3 * limit:.0f}", f"{1e3 * seconds:.0f}", f"{limit / seconds:.2f}"]) + " |"


def table(results: Path, cache: Path, rates: Rates) -> str:
    rows = [
        f"Rates here, of {os.cpu_count()} threads: reading {rates.read / 1e9:.0f} GB/s, rewriting "
        f"{rates.rewrite / 1e9:.0f}, writing to new memory {rates.new / 1e9:.0f}; {rates.flops / 1e9:.0f} Gflop/s in "
        "double precision.",
        "",
        "| step | cells | MB read | MB rewritten | MB new | Gflop | ms at these rates | ms taken | share |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    matrices: dict[tuple[str, int, bool], Sparse] = {}
    for room in ("preprocess", "variable_genes", "pca"):
        for record in report.load(room, results):
            work = WORK.get((room, record["step"]))
            if record["tool"] != report.OURS or work is None:
                continue
            name = "variable_genes" if room == "pca" else "counts"
            key = (name, record["n_cells"], "2,000 genes" in record["step"])
            if key not in matrices:
                adata = anndata.read_h5ad(data.prepared(name, record["n_cells"], None, cache))
                matrices[key] = Sparse.of(data.widely_expressed(adata, 2_000) if key[2] else adata)
            rows.append(_row(record, work(matrices[key]), rates))
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "cellweave-benchmarks")
    parser.add_argument("--results", type=Path, default=HERE / "results")
    parser.add_argument("--docs", type=Path, default=HERE.parent / "docs" / "benchmarks.md")
    arguments = parser.parse_args()
    text = table(arguments.results, arguments.cache, measured_rates(os.cpu_count() or 1))
    print(text)
    report.write_section("limits", text, arguments.docs)


if __name__ == "__main__":
    main()
