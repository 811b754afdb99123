"""The whole real data sets through cellweave.scanorama and scanorama 1.7.4: the same pairs, order and coordinates."""

import numpy as np
import pytest
import scanorama

import cellweave as cw
from scanorama_support import assert_same_coordinates, jaccard, matrices, prepared_batches

pytestmark = pytest.mark.large


@pytest.mark.parametrize("name", ["pbmc_8batch", "cell_lines", "rnamix", "kang"])
def test_integration_is_scanoramas(name, request):
    batches = prepared_batches(request.getfixturevalue(name))
    datasets, genes = matrices(batches)
    np.random.seed(0)
    merged, genes = scanorama.merge_datasets(scanorama.check_datasets(datasets), genes, verbose=False)
    embeddings = scanorama.process_data(merged, genes)[0]

    expected_order, expected_matches = scanorama.find_alignments(embeddings, approx=False, verbose=0)
    order, matches = cw.scanorama.find_alignments(embeddings, approx=False, verbose=0)
    assert order == expected_order
    assert jaccard(matches, expected_matches) > 0.999

    rounded = [embedding.astype(np.float32).astype(np.float64) for embedding in embeddings]
    assert jaccard(cw.scanorama.find_alignments(rounded, verbose=0)[1], expected_matches) > 0.99

    ours, _ = cw.integrate(*matrices(batches), approx=False, verbose=0)
    theirs, _ = scanorama.integrate(*matrices(batches), approx=False, verbose=0)
    assert_same_coordinates(ours, theirs)
