"""scanorama on an embedding that is already in the object."""

from __future__ import annotations

from typing import Any

import numpy as np
from anndata import AnnData

from ... import _anndata, scanorama


def scanorama_integrate(
    adata: AnnData,
    key: str,
    basis: str = "X_pca",
    adjusted_basis: str = "X_scanorama",
    knn: int = 20,
    sigma: float = 15,
    approx: bool = True,
    alpha: float = 0.10,
    batch_size: int = 5000,
    **kwargs: Any,
) -> None:
    """Integrate the batches of one AnnData, starting from its PCA.

    Parity: as :func:`cellweave.scanorama.assemble`; same keys and errors as scanpy.external.

    Parameters
    ----------
    adata
        Cells, with the embedding in ``obsm[basis]``. Cells of one batch must lie next to one another;
        :func:`cellweave.integrate_anndata` takes any order.
    key
        Column of ``obs`` that names the batches.
    basis
        Key of ``obsm`` of the embedding.
    adjusted_basis
        Key of ``obsm`` for the result.
    knn, sigma, approx, alpha, batch_size
        As :func:`cellweave.scanorama.assemble`.
    kwargs
        Further parameters of :func:`cellweave.scanorama.assemble`, such as ``verbose``.

    Returns
    -------
    None. Writes ``obsm[adjusted_basis]``, cells x dimensions, float64.

    Raises
    ------
    KeyError
        If ``key`` or ``basis`` is missing.
    ValueError
        If the batches are not contiguous.
    """
    with _anndata.transaction(adata) as target:
        embedding = np.asarray(target.matrix(obsm=basis))
        codes, names = scanorama.batches_of(adata, key)
        starts = np.flatnonzero(np.diff(codes, prepend=-1))
        if len(starts) != len(names):
            raise ValueError(
                "Detected non-contiguous batches. Sort the cells first (adata = adata[adata.obs"
                f"['{key}'].argsort()].copy()), or call cellweave.integrate_anndata(adata, batch_key='{key}')."
            )
        integrated = scanorama.assemble(
            np.split(embedding, starts[1:]),
            knn=knn,
            sigma=sigma,
            approx=approx,
            alpha=alpha,
            ds_names=[names[codes[start]] for start in starts],
            batch_size=batch_size,
            **kwargs,
        )
        target.obsm[adjusted_basis] = np.concatenate(integrated)
