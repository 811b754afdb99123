"""Integration of data sets as scanorama does it: ``import cellweave.scanorama as scanorama``.

The functions have the names, parameters, defaults and return types of scanorama 1.7.4. With ``approx=False`` they find
the same mutual matches, assemble in the same order and give the same coordinates (up to the sign of each dimension,
which is arbitrary in any decomposition). The default ``approx=True`` is as deterministic, at any number of threads,
and within a thousandth of the exact matches.

Hie, Bryson and Berger, Nature Biotechnology 2019; Hie, Kim, Rando, Bryson and Berger, Nature Protocols 2024.
"""

from ._assembly import assemble, transform
from ._embedding import process_data
from ._inputs import check_datasets, merge_datasets
from ._integrate import correct, integrate
from ._matching import connect, find_alignments
from ._objects import batches_of as batches_of
from ._objects import correct_scanpy, integrate_anndata, integrate_scanpy
from ._report import Report

__all__ = [
    "Report",
    "assemble",
    "check_datasets",
    "connect",
    "correct",
    "correct_scanpy",
    "find_alignments",
    "integrate",
    "integrate_anndata",
    "integrate_scanpy",
    "merge_datasets",
    "process_data",
    "transform",
]
