#pragma once
#include <cstdint>

#include "core/parallel.hpp"
#include "core/views.hpp"
#include "sparse/graph.hpp"

namespace cellweave {

/// Options of fuzzy_union().
struct FuzzyUnionOptions {
    /// Neighbours, the cell itself included, that a cell's memberships shall add up to in the sense of log2. umap uses
    /// the width of the table.
    double n_neighbors = 15;

    /// Nearest neighbours that get membership 1; a fraction interpolates. Raise it when single cells fall out of the
    /// manifold.
    double local_connectivity = 1;

    /// 1: fuzzy union of both directions, a + b - ab; 0: intersection, ab; between: their mix.
    double mix_ratio = 1;
};

/// UMAP's fuzzy simplicial set (McInnes, Healy and Melville 2018, section 3.1 and algorithms 2 and 3).
///
/// Cost: some 20 passes over the distances, and two sorts of the entries by row and column. Scratch: 16 bytes an entry.
/// Determinism: each entry is a function of its two rows.
///
/// @param indices    n x k: neighbours, nearest first, the first being the cell itself. -1: none.
/// @param distances  of those.
/// @return           symmetric graph. Self-loops are left out.
/// @throws InvalidInput  shapes differ, an index is n or more, an option is out of range.
Graph<float> fuzzy_union(DenseView<const std::int32_t> indices, DenseView<const float> distances,
                         const FuzzyUnionOptions& options, Threads threads);

/// UMAP's memberships of the neighbours of each cell alone (algorithm 3), not joined with those of the other direction:
/// for new cells among those of a reference. mix_ratio has no part in it.
///
/// @param distances     n x k, nearest first; the nearest neighbour counts as the cell itself.
/// @param[out] weights  n x k.
/// @throws InvalidInput  shapes differ, or an option is out of range.
void memberships(DenseView<const float> distances, const FuzzyUnionOptions& options, DenseView<float> weights,
                 Threads threads);

/// Gaussian kernel of adaptive width, sqrt(2 s_i s_j / (s_i^2 + s_j^2)) exp(-d_ij^2 / (s_i^2 + s_j^2)), on a kNN graph
/// (Coifman and others 2005 as adapted by Haghverdi and others 2016); s_i^2 is the median squared distance of i.
///
/// Where both widths are zero (duplicates) the weight is 1.
///
/// @param indices    n x k: neighbours without the cell itself.
/// @param distances  of those.
/// @return           symmetric graph: an edge where either cell has the other as its neighbour.
template <Real T>
Graph<T> gauss_graph(DenseView<const std::int32_t> indices, DenseView<const T> distances, Threads threads);

/// The same kernel between all cells, from all distances; s_i is half the distance to the neighbour `n_neighbors` of
/// i, i itself being the first. Weights up to 1e-14 become 0.
///
/// @param distances  n x n, symmetric.
/// @param weights    n x n, written.
template <Real T>
void gauss_dense(DenseView<const T> distances, Size n_neighbors, DenseView<T> weights, Threads threads);

/// Jaccard's index of the neighbourhoods of i and of its neighbours, averaged over both directions (PhenoGraph, Levine
/// and others 2015).
///
/// @param indices  n x k: neighbours without the cell itself.
Graph<double> jaccard_graph(DenseView<const std::int32_t> indices, Threads threads);

}  // namespace cellweave
