"""The data sets of the benchmarks: prepared once by our own interpreter, then read by every tool from one h5ad file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
from scipy import sparse


@dataclass(frozen=True)
class DataSet:
    """A recipe. ``make`` gets the number of cells, or the source file where somebody else measured the data."""

    name: str
    title: str
    make: Callable[[int | Path], anndata.AnnData]
    has_source: bool = False


_data_sets: dict[str, DataSet] = {}


def data_set(title: str, *, has_source: bool = False) -> Callable:
    """Registers the decorated recipe under its own name."""

    def register(make: Callable) -> Callable:
        _data_sets[make.__name__] = DataSet(make.__name__, title, make, has_source)
        return make

    return register


def all_data_sets() -> dict[str, DataSet]:
    return _data_sets


def prepared(name: str, n_cells: int | None, source: Path | None, folder: Path) -> Path:
    """The file that holds the data set, made unless it is there already."""
    recipe = _data_sets[name]
    path = folder / (f"{name}.h5ad" if recipe.has_source else f"{name}_{n_cells}.h5ad")
    if not path.exists():
        print(f"preparing {path.name}", flush=True)
        adata = recipe.make(source if recipe.has_source else n_cells)
        unfinished = path.with_suffix(".unfinished")
        adata.write_h5ad(unfinished)
        unfinished.rename(path)
    return path


def normalized(adata: anndata.AnnData) -> anndata.AnnData:
    """log(1 + counts per 10,000), in place."""
    totals = np.asarray(adata.X.sum(axis=1)).ravel()
    factors = np.divide(1e4, totals, out=np.zeros_like(totals, dtype=np.float64), where=totals > 0)
    adata.X.data[:] = np.log1p(adata.X.data * np.repeat(factors, np.diff(adata.X.indptr)))
    return adata


def widely_expressed(adata: anndata.AnnData, n_genes: int) -> anndata.AnnData:
    """Every fourth of the genes that most cells express."""
    n_cells = np.bincount(adata.X.indices, minlength=adata.n_vars)
    return adata[:, np.sort(np.argsort(-n_cells, kind="stable")[: 4 * n_genes : 4])].copy()


def _batches(n_cells: int, n_batches: int) -> anndata.AnnData:
    import cellweave as cw

    counts = cw.datasets.synthetic_counts(n_cells, 2_000, 24, n_batches, seed=0, mean_counts=600, n_markers=30)
    return normalized(counts)


@data_set("synthetic, 4 batches x 2,000 variable genes")
def four_batches(n_cells: int) -> anndata.AnnData:
    return _batches(n_cells, 4)


@data_set("synthetic, 26 batches x 2,000 variable genes")
def twenty_six_batches(n_cells: int) -> anndata.AnnData:
    return _batches(n_cells, 26)


@data_set("synthetic, 50 principal components")
def pca_50(n_cells: int) -> anndata.AnnData:
    from sklearn.decomposition import TruncatedSVD

    adata = _batches(n_cells, 4)
    components = TruncatedSVD(50, random_state=0).fit_transform(adata.X)
    return anndata.AnnData(components.astype(np.float64), obs=adata.obs[["batch"]])


@data_set("synthetic, graph of 15 neighbours")
def neighbor_graph(n_cells: int) -> anndata.AnnData:
    import cellweave as cw

    components = pca_50(n_cells)
    adata = anndata.AnnData(
        sparse.csr_matrix(np.ones((n_cells, 2), dtype=np.float32)),
        obs=components.obs,
        obsm={"X_pca": components.X.astype(np.float32)},
    )
    cw.pp.neighbors(adata, use_rep="X_pca")
    return adata


@data_set("mixture of 40 in 50 dimensions, graph of 15 neighbours")
def mixture_graph(n_cells: int) -> anndata.AnnData:
    """Later dimensions vary less, as principal components do. Needs no counts: a million cells take little memory."""
    import cellweave as cw

    random = np.random.default_rng(0)
    widths = (1 / np.sqrt(np.arange(1, 51))).astype(np.float32)
    centres = 3 * random.standard_normal((40, 50), dtype=np.float32)
    points = random.standard_normal((n_cells, 50), dtype=np.float32)
    points += centres[random.integers(40, size=n_cells)]
    points *= widths
    adata = anndata.AnnData(sparse.csr_matrix((n_cells, 2), dtype=np.float32), obsm={"X_pca": points})
    cw.pp.neighbors(adata, use_rep="X_pca")
    return adata


@data_set("synthetic counts, 20,000 genes")
def counts(n_cells: int) -> anndata.AnnData:
    import cellweave as cw

    return cw.datasets.synthetic_counts(n_cells, 20_000, 24, 4, seed=0)


@data_set("synthetic, 2,000 variable genes")
def variable_genes(n_cells: int) -> anndata.AnnData:
    import cellweave as cw

    adata = normalized(counts(n_cells))
    cw.pp.highly_variable_genes(adata, n_top_genes=2_000)
    return adata[:, adata.var["highly_variable"]].copy()


@data_set("pbmc_8batch, genes variable in more than two batches", has_source=True)
def pbmc_8batch(source: Path) -> anndata.AnnData:
    import scanpy as sc

    adata = anndata.read_h5ad(source)
    adata.X = sparse.csr_matrix(adata.X, dtype=np.float32)
    adata.obs["batch"] = adata.obs["batch"].astype("category")
    normalized(adata)
    sc.pp.highly_variable_genes(adata, batch_key="batch")
    chosen = adata[:, adata.var["highly_variable_nbatches"] > 2]
    # Plain strings, which every version of anndata writes and reads.
    obs = pd.DataFrame({"batch": chosen.obs["batch"].astype(object).to_numpy()}, index=chosen.obs_names.astype(object))
    obs["batch"] = obs["batch"].astype("category")
    var = pd.DataFrame(index=chosen.var_names.astype(object))
    return anndata.AnnData(chosen.X.copy(), obs=obs, var=var)
