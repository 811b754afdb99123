"""The data sets follow the law that they state, carry their truth, and are the same on every run."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse, stats

import cellweave as cw
from cellweave.datasets import panorama, synthetic_counts
from cellweave.datasets._synthetic import Design, sample
from support import assert_same_bytes_at_any_thread_count


def test_is_a_sound_matrix_of_counts():
    adata = synthetic_counts(300, 200, 5, 3, seed=1)
    counts = adata.X
    assert isinstance(counts, sparse.csr_matrix)
    assert counts.dtype == np.float32
    assert counts.indices.dtype == counts.indptr.dtype == np.int32
    assert counts.shape == (300, 200)
    assert (counts.data >= 1).all()
    assert (counts.data == np.round(counts.data)).all()
    counts.check_format(full_check=True)
    for begin, end in zip(counts.indptr[:-1], counts.indptr[1:], strict=True):
        assert (np.diff(counts.indices[begin:end]) > 0).all()


@pytest.mark.parametrize("dispersion", [0.0, 0.3, 1.5])
def test_counts_follow_the_negative_binomial_law(dispersion):
    n_cells = 40_000
    means = np.array([0.002, 0.03, 0.2, 0.28, 0.31, 1.5, 12.0, 900.0])
    library = means.sum()
    counts = sample(means[None, :] / library, np.zeros(n_cells), np.full(n_cells, library), dispersion, 3).toarray()
    variances = means + dispersion * means**2
    # Six standard errors; that of a variance needs the fourth moment.
    assert (np.abs(counts.mean(axis=0) - means) < 6 * np.sqrt(variances / n_cells)).all()
    fourth = ((counts - counts.mean(axis=0)) ** 4).mean(axis=0)
    assert (np.abs(counts.var(axis=0) - variances) < 6 * np.sqrt(fourth / n_cells)).all()
    for gene, mean in enumerate(means[:-1]):
        law = stats.poisson(mean) if dispersion == 0 else stats.nbinom(1 / dispersion, 1 / (1 + dispersion * mean))
        at_most = np.arange(60)
        observed = (counts[:, gene][:, None] <= at_most).mean(axis=0)
        assert np.abs(observed - law.cdf(at_most)).max() < 6 * 0.5 / np.sqrt(n_cells)


def test_genes_and_cells_are_independent():
    shares = np.full((1, 60), 1 / 60)
    counts = sample(shares, np.zeros(4000), np.full(4000, 30.0), 0.3, 0).toarray()
    for matrix in (counts, counts[:60].T @ np.eye(60)):
        correlations = np.corrcoef(matrix, rowvar=False)
        off_diagonal = correlations[~np.eye(60, dtype=bool)]
        assert abs(off_diagonal.mean()) < 0.02
    assert np.abs(np.corrcoef(counts, rowvar=False) - np.eye(60)).max() < 6 / np.sqrt(4000)


def test_truth_says_where_the_counts_come_from():
    adata = synthetic_counts(4000, 800, 4, 2, seed=2, batch_effect=0.8, mean_counts=1000)
    totals = adata.X.sum(axis=1).A1
    assert np.corrcoef(totals, adata.obs["library_size"])[0, 1] > 0.8
    by_type = np.stack(
        [adata[adata.obs["cell_type"] == t].X.mean(axis=0).A1 for t in adata.obs["cell_type"].cat.categories]
    )
    markers = adata.var["marker_of"].cat.codes.to_numpy()
    expressed = (markers >= 0) & (by_type.mean(axis=0) > 0.05)
    assert (by_type.argmax(axis=0)[expressed] == markers[expressed]).mean() > 0.95
    in_batch = [adata[adata.obs["batch"] == f"batch_{k}"].X.mean(axis=0).A1 for k in range(2)]
    frequent = np.minimum(*in_batch) > 0.1
    observed = np.log(in_batch[0][frequent] / in_batch[1][frequent])
    stated = np.log(adata.var["batch_effect_batch_0"] / adata.var["batch_effect_batch_1"])[frequent]
    assert np.corrcoef(observed, stated)[0, 1] > 0.9


def test_types_can_be_told_apart_and_batches_too():
    from sklearn.linear_model import LogisticRegression

    adata = synthetic_counts(1200, 300, 5, 2, seed=0, mean_counts=500)
    logs = np.log1p(adata.X.toarray() / adata.X.sum(axis=1).A1[:, None] * 1e3)
    for key in ("cell_type", "batch"):
        labels = adata.obs[key].to_numpy()
        model = LogisticRegression(max_iter=100).fit(logs[::2], labels[::2])
        assert model.score(logs[1::2], labels[1::2]) > 0.9


def test_every_batch_lacks_types_and_every_type_is_in_two_batches():
    adata = synthetic_counts(4000, 50, 8, 5, seed=3, missing=0.5)
    present = np.zeros((5, 8), bool)
    present[adata.obs["batch"].cat.codes, adata.obs["cell_type"].cat.codes] = True
    assert not present.all()
    assert (present.sum(axis=0) >= 2).all()
    assert all((present[k] & present[k - 1]).any() for k in range(1, 5))


def test_no_type_is_missing_when_none_shall():
    design = Design.draw(np.random.RandomState(0), 20, 6, 3, 1, 2.0, 0.0, 0.0)
    assert (design.abundance > 0).all()
    np.testing.assert_allclose(design.shares().sum(axis=1), 1)


def test_same_bytes_at_any_thread_count_and_on_every_run():
    assert_same_bytes_at_any_thread_count(lambda: synthetic_counts(700, 300, 4, 3, seed=5))
    assert_same_bytes_at_any_thread_count(panorama)


def test_another_seed_gives_other_cells_and_the_global_state_is_left_alone():
    before = np.random.get_state()[1].tobytes()
    first, second = (synthetic_counts(50, 40, 2, 2, seed=seed) for seed in (0, 1))
    assert (first.X != second.X).nnz > 0
    assert np.random.get_state()[1].tobytes() == before


def test_odd_sizes():
    assert synthetic_counts(1, 1, 1, 1).shape == (1, 1)
    assert synthetic_counts(3, 5, 7, 4).shape == (3, 5)
    assert synthetic_counts(10, 20, 2, 2, mean_counts=0).X.nnz == 0


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_cells": 0}, ValueError, "n_cells must be a whole number of at least 1, found 0"),
        ({"n_genes": 2.5}, TypeError, "n_genes must be a whole number"),
        ({"seed": -1}, ValueError, "seed must be a whole number of at least 0"),
        ({"seed": 2**32}, ValueError, "seed must be below"),
        ({"dispersion": -0.1}, ValueError, "dispersion must be a finite number"),
        ({"batch_effect": np.nan}, ValueError, "batch_effect must be a finite number"),
        ({"missing": 1.0}, ValueError, "missing is the share"),
        ({"gene_names": ["a", "a"]}, ValueError, "must be 30 different names, found 1 among 2"),
        ({"mean_counts": 1e12}, ValueError, "means above one million"),
    ],
)
def test_wrong_parameters_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        synthetic_counts(**{"n_cells": 20, "n_genes": 30, **options})


def test_panorama_is_what_a_laboratory_would_give():
    adata = panorama()
    assert adata.shape == (2000, 1500)
    assert adata.obs["batch"].nunique() == 4
    assert adata.var_names.is_unique
    assert adata.var_names.str.startswith("MT-").sum() == 13
    assert {"CD3D", "MS4A1", "NKG7", "LYZ", "MKI67", "RPL3"} <= set(adata.var_names)
    mitochondrial = adata[:, adata.var_names.str.startswith("MT-")].X.sum(axis=1).A1 / adata.X.sum(axis=1).A1
    damaged = adata.obs["damaged"].to_numpy()
    assert 20 < damaged.sum() < 200
    assert mitochondrial[damaged].min() > np.quantile(mitochondrial[~damaged], 0.95)
    assert cw.datasets.panorama(1).X.nnz != adata.X.nnz
