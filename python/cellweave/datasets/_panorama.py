"""A small blood-like panorama for demonstrations, made from a seed: no file, no download, no person's data."""

from __future__ import annotations

import numpy as np
from anndata import AnnData

from ._gene_names import CELL_TYPES, MARKERS, gene_names
from ._synthetic import Design, sample

_N_CELLS = 2_000
_N_BATCHES = 4
_N_GENES = 1_500
_DAMAGED = 0.04


def panorama(seed: int = 0) -> AnnData:
    """Four batches of blood cells that lie apart, as different laboratories would give them, and belong together.

    2,000 cells x 1,500 genes of synthetic UMI counts (see :func:`synthetic_counts`). Seven cell types carry the markers
    they are known by (CD3D, MS4A1, NKG7, ...); every batch lacks some types, shifts every gene, and has its own depth.
    About one cell in 25 is damaged: few counts, many of them mitochondrial (``MT-``), for the quality control to find.

    Parameters
    ----------
    seed
        Another seed, other cells; the default is the panorama of the documentation.

    Returns
    -------
    Counts in ``X`` (CSR float32); ``obs``: ``cell_type``, ``batch``, ``library_size``, ``damaged``; ``var`` as in
    :func:`synthetic_counts`.
    """
    rng = np.random.RandomState(seed)
    names = gene_names(_N_GENES)
    n_types = len(CELL_TYPES)
    design = Design.draw(rng, _N_GENES, n_types, _N_BATCHES, 0, 1.0, batch_effect=0.7, missing=0.3)
    _place_markers(design, names, rng)
    is_mitochondrial = np.array([name.startswith("MT-") for name in names])
    _set_share(design.base, is_mitochondrial, 0.05)
    _set_share(design.base, np.array([name.startswith(("RPL", "RPS")) for name in names]), 0.25)
    design.batch_factor[:, is_mitochondrial] = 1.0

    batch_of_cell = np.arange(_N_CELLS) * _N_BATCHES // _N_CELLS
    type_of_cell = design.draw_types(rng, batch_of_cell)
    depth = np.array([3000.0, 1800.0, 4200.0, 2400.0])[batch_of_cell]
    library_sizes = depth * np.exp(0.35 * rng.normal(size=_N_CELLS))
    damaged = rng.random_sample(_N_CELLS) < _DAMAGED
    library_sizes[damaged] *= 0.25

    healthy = design.shares()
    leaking = np.where(is_mitochondrial, 8 * healthy, healthy)
    leaking /= leaking.sum(axis=1, keepdims=True)
    profile_of_cell = type_of_cell * _N_BATCHES + batch_of_cell + damaged * healthy.shape[0]
    counts = sample(np.concatenate([healthy, leaking]), profile_of_cell, library_sizes, 0.25, seed)
    adata = design.annotated(counts, names, type_of_cell, batch_of_cell, library_sizes, CELL_TYPES)
    adata.obs["damaged"] = damaged
    return adata


def _place_markers(design: Design, names: list[str], rng: np.random.RandomState) -> None:
    """Known markers, and some unnamed ones a type, are expressed by their types and little elsewhere."""
    position = {name: k for k, name in enumerate(names)}
    unnamed = iter(rng.permutation([k for k, name in enumerate(names) if k >= 400]))
    for number, cell_type in enumerate(CELL_TYPES):
        known = [position[name] for name in MARKERS[cell_type]]
        design.base[known] = 3e-4 * np.exp(0.5 * rng.normal(size=len(known)))
        for gene in [*known, *(next(unnamed) for _ in range(25))]:
            design.fold[number, gene] = 10 * np.exp(0.4 * rng.normal())
            # A gene that marks two types (NKG7, LYZ) is listed under the first.
            if design.marker_of[gene] < 0:
                design.marker_of[gene] = number


def _set_share(base: np.ndarray, genes: np.ndarray, share: float) -> None:
    """Scales so that ``genes`` hold ``share`` of the base and all genes 1."""
    base[genes] *= share / base[genes].sum()
    base[~genes] *= (1 - share) / base[~genes].sum()
