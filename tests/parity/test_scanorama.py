"""cellweave.scanorama against scanorama 1.7.4 on real data."""

import anndata
import geosketch
import numpy as np
import pytest
import scanorama
import scanpy as sc
from scipy import sparse

import cellweave as cw
from scanorama_support import assert_same_coordinates, jaccard, matrices, prepared_batches

DATASETS = {
    "pbmc_8batch": {"every": 8, "n_top_genes": 500},
    "cell_lines": {"every": 3},
    "rnamix": {"n_top_genes": 1000},
    "kang": {},
}


@pytest.fixture(params=DATASETS)
def batches(request):
    return prepared_batches(request.getfixturevalue(request.param), **DATASETS[request.param])


@pytest.fixture
def kang_batches(kang):
    return prepared_batches(kang)


@pytest.fixture
def embeddings(batches):
    """scanorama's own embedding, from which both match."""
    datasets, genes = matrices(batches)
    np.random.seed(0)
    merged, genes = scanorama.merge_datasets(scanorama.check_datasets(datasets), genes, verbose=False)
    return scanorama.process_data(merged, genes)[0]


def test_matches_and_order_equal(embeddings):
    alignments, matches = cw.scanorama.find_alignments(embeddings, approx=False, verbose=0)
    expected_alignments, expected_matches = scanorama.find_alignments(embeddings, approx=False, verbose=0)
    assert alignments == expected_alignments
    assert matches.keys() == expected_matches.keys()
    assert jaccard(matches, expected_matches) > 0.999


def test_approximate_matches_are_nearly_exact(embeddings):
    exact = cw.scanorama.find_alignments(embeddings, approx=False, verbose=0)[1]
    approximate = cw.scanorama.find_alignments(embeddings, approx=True, verbose=0)[1]
    assert jaccard(approximate, exact) > 0.99


def test_integrate_equals(batches):
    ours, genes = cw.integrate(*matrices(batches), approx=False, verbose=0)
    theirs, expected_genes = scanorama.integrate(*matrices(batches), approx=False, verbose=0)
    assert genes.tolist() == expected_genes.tolist()
    assert {part.dtype for part in ours} == {np.dtype(np.float64)}
    assert_same_coordinates(ours, theirs)


@pytest.mark.parametrize(
    "parameters",
    [
        {"hvg": 200},
        {"dimred": 20, "knn": 5, "sigma": 50, "alpha": 0.3},
        {"seed": 3, "sigma": 300.0},
        {"dimred": 1000},
        {"union": True},
    ],
    ids=str,
)
def test_integrate_equals_with_parameters(kang_batches, parameters):
    if "union" in parameters:
        kang_batches = [batch[:, i * 20 : 440 + i * 20].copy() for i, batch in enumerate(kang_batches)]
    ours, genes = cw.integrate(*matrices(kang_batches), approx=False, verbose=0, **parameters)
    theirs, expected_genes = scanorama.integrate(*matrices(kang_batches), approx=False, verbose=0, **parameters)
    assert genes.tolist() == expected_genes.tolist()
    assert_same_coordinates(ours, theirs)


def test_sketch_equals_for_the_same_sketch(batches, monkeypatch):
    def every_other_cell(points, n_cells, replace=False, seed=None):
        return list(range(0, len(points), 2))[:n_cells]

    monkeypatch.setattr(geosketch, "gs", every_other_cell)
    monkeypatch.setattr(cw.geosketch, "gs", every_other_cell)
    parameters = {"approx": False, "verbose": 0, "sketch": True, "sketch_max": 120}
    ours, _ = cw.integrate(*matrices(batches), **parameters)
    theirs, _ = scanorama.integrate(*matrices(batches), **parameters)
    assert_same_coordinates(ours, theirs)


@pytest.mark.parametrize("dtype", [np.float32, np.int64])
def test_correct_equals(kang_batches, dtype):
    datasets, genes = matrices(kang_batches)
    datasets = [sparse.csr_matrix(np.ceil(x.toarray()), dtype=dtype) for x in datasets]
    parameters = {"approx": False, "verbose": 0, "return_dimred": True}
    embedding, ours, genes_used = cw.correct(list(datasets), genes, **parameters)
    expected_embedding, theirs, expected_genes = scanorama.correct(list(datasets), genes, **parameters)
    assert genes_used.tolist() == expected_genes.tolist()
    assert_same_coordinates(embedding, expected_embedding)
    for mine, other in zip(ours, theirs, strict=True):
        assert isinstance(mine, sparse.csr_matrix)
        assert mine.dtype == other.dtype
        np.testing.assert_allclose(mine.toarray(), other.toarray(), rtol=1e-4, atol=1e-5)


def test_correct_dense_and_through_anndata(kang_batches):
    dense, _ = cw.correct(*matrices(kang_batches), approx=False, verbose=0, return_dense=True)
    ours = cw.correct_scanpy(kang_batches, approx=False, verbose=0, return_dimred=True)
    theirs = scanorama.correct_scanpy([b.copy() for b in kang_batches], approx=False, verbose=0, return_dimred=True)
    for values, mine, other in zip(dense, ours, theirs, strict=True):
        assert isinstance(values, np.ndarray)
        np.testing.assert_array_equal(values, mine.X.toarray())
        np.testing.assert_allclose(values, other.X.toarray(), rtol=1e-4, atol=1e-5)
        assert mine.var_names.tolist() == other.var_names.tolist()
        assert mine.obs.equals(other.obs)
        assert mine.obsm["X_scanorama"].shape == other.obsm["X_scanorama"].shape


@pytest.mark.parametrize("spread", [0.25, 1.0])
def test_external_equals(kang_batches, spread):
    adata = anndata.concat(kang_batches)
    sc.pp.pca(adata, n_comps=20)
    adata.obsm["X_pca"] *= spread
    expected = adata.copy()
    cw.external.pp.scanorama_integrate(adata, "batch", approx=False, verbose=0)
    sc.external.pp.scanorama_integrate(expected, "batch", approx=False, verbose=0)
    theirs = expected.obsm["X_scanorama"]
    is_equal = np.abs(adata.obsm["X_scanorama"] - theirs).max(axis=1) < 1e-3 * theirs.std()
    # On a PCA as it is, the weights of some far cells lie below 1e-308, where doubles lose their digits: scanorama
    # moves those cells by a quotient of rounding errors.
    assert is_equal.mean() >= (1.0 if spread < 1 else 0.97)


@pytest.mark.parametrize("sigma", [0.05, 15.0, 200.0])
def test_transform_equals(kang_batches, sigma):
    rng = np.random.default_rng(0)
    cells, reference = rng.normal(size=(300, 30)), rng.normal(size=(200, 30))
    matched, references = rng.integers(0, 300, 500), rng.integers(0, 200, 500)
    for batch_size in (None, 100):
        ours = cw.scanorama.transform(cells, reference, matched, references, sigma, batch_size=batch_size)
        theirs = scanorama.transform(cells, reference, matched, references, sigma, batch_size=batch_size)
        np.testing.assert_allclose(ours, theirs, atol=1e-6)  # the shifts are of size 1


def test_transform_of_expression_equals(kang_batches):
    first, second = (cw.scanorama.process_data([b.X for b in kang_batches], kang_batches[0].var_names, dimred=0)[0])[:2]
    matched, references = np.arange(100).repeat(2), np.arange(200)
    ours = cw.scanorama.transform(first, second, matched, references, cn=True, batch_size=50)
    theirs = scanorama.transform(first, second, matched, references, cn=True, batch_size=50)
    assert isinstance(ours, sparse.csr_matrix)
    np.testing.assert_allclose(ours.toarray(), theirs.toarray(), rtol=1e-4, atol=1e-6)


def test_connect_merge_and_process_equal(kang_batches):
    merged, genes = cw.scanorama.merge_datasets(*matrices(kang_batches), verbose=False)
    expected, expected_genes = scanorama.merge_datasets(*matrices(kang_batches), verbose=False)
    assert genes.tolist() == expected_genes.tolist()
    for mine, other in zip(merged, expected, strict=True):
        assert (mine != other).nnz == 0
        assert mine.dtype == other.dtype
    embedded, _ = cw.scanorama.process_data(merged, genes)
    np.random.seed(0)
    expected_embedded, _ = scanorama.process_data(expected, expected_genes)
    assert_same_coordinates(embedded, expected_embedded, 1e-5)
    for mine, other in zip(merged, expected, strict=True):
        np.testing.assert_allclose(mine.toarray(), other.toarray(), rtol=1e-6)
    for alpha in (0.1, 0.9, 1.1):
        ours = cw.scanorama.connect(embedded, approx=False, alpha=alpha, verbose=0)
        assert ours == scanorama.connect(expected_embedded, approx=False, alpha=alpha, verbose=0)


def _with_repeated_entries(matrix):
    """The same matrix, in which every entry is stored as two halves."""
    coo = sparse.coo_matrix(matrix)
    rows, columns, halves = (np.repeat(part, 2) for part in (coo.row, coo.col, coo.data / 2))
    order = np.argsort(rows, kind="stable")
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=matrix.shape[0]))])
    return sparse.csr_matrix((halves[order], columns[order], indptr), shape=matrix.shape)


@pytest.fixture
def two_batches(kang_batches):
    datasets, genes = matrices(kang_batches)
    parts = [sparse.csr_matrix(data[:150, :200], dtype=np.float64) for data in datasets[:2]]
    return parts, [names[:200] for names in genes[:2]]


@pytest.mark.parametrize("union", [False, True])
def test_repeated_entries_are_added(two_batches, union):
    datasets, genes = two_batches
    options = {"approx": False, "verbose": 0, "return_dimred": True, "union": union, "dimred": 20}
    once = cw.scanorama.correct([data.copy() for data in datasets], genes, **options)
    twice = cw.scanorama.correct([_with_repeated_entries(data) for data in datasets], genes, **options)
    if union:  # the intersection is scaled entry by entry, as scanorama scales it
        for ours, expected in zip(twice[0], once[0], strict=True):
            np.testing.assert_allclose(ours, expected, atol=1e-6)
    theirs = scanorama.correct([_with_repeated_entries(data) for data in datasets], genes, **options)
    for ours, expected in zip(twice[1], theirs[1], strict=True):
        np.testing.assert_allclose(ours.toarray(), expected.toarray(), atol=1e-6)


@pytest.mark.parametrize("batch_size", [None, 7])
def test_cells_far_from_every_match_stay_where_scanorama_leaves_them(batch_size):
    moved = sparse.csr_matrix([[0.0, 0], [1, 0], [2, 0], [2.5, 0], [3, 0]])
    reference = sparse.csr_matrix([[0.0, 1], [5, 1]])
    ours = cw.scanorama.transform(moved, reference, [0], [0], sigma=15, cn=True, batch_size=batch_size)
    theirs = scanorama.transform(moved, reference, [0], [0], sigma=15, cn=True, batch_size=batch_size)
    np.testing.assert_allclose(ours.toarray(), theirs.toarray(), atol=1e-12)


@pytest.mark.parametrize("union", [False, True])
def test_of_columns_of_one_name_the_same_is_used(two_batches, union):
    datasets, genes = two_batches
    genes = [np.array(names, dtype=object) for names in genes]
    genes[0][5], genes[1][100] = genes[0][3], genes[1][2]
    with pytest.warns(UserWarning, match="last column" if union else "first column"):
        ours, names = cw.scanorama.merge_datasets(list(datasets), [list(g) for g in genes], verbose=False, union=union)
    theirs, expected = scanorama.merge_datasets(list(datasets), [list(g) for g in genes], verbose=False, union=union)
    assert names.tolist() == expected.tolist()
    for mine, its in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(mine.toarray(), its.toarray())


def test_data_sets_come_in_any_container(two_batches):
    datasets, genes = two_batches
    options = {"approx": False, "verbose": 0, "dimred": 20}
    expected = cw.scanorama.integrate(datasets, genes, **options)[0]
    named = dict(enumerate(datasets))
    for container in (named.values(), tuple(datasets), (data for data in datasets)):
        ours = cw.scanorama.integrate(container, genes, **options)[0]
        for mine, its in zip(ours, expected, strict=True):
            np.testing.assert_array_equal(mine, its)
