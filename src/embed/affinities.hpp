#pragma once
#include <cstdint>

#include "core/parallel.hpp"
#include "core/views.hpp"
#include "sparse/graph.hpp"

namespace cellweave {

/// Turns distances to the nearest neighbours into p_j|i = exp(-beta_i d_ij^2) / sum, in place, with beta_i such that
/// the entropy of row i is log(perplexity) (van der Maaten and Hinton 2008, section 2), to 1e-5.
///
/// A row whose neighbours are all equally far is uniform. Cost: about 30 x n x k exponentials. Scratch: k doubles.
///
/// @param[in,out] distances  points x neighbours, the point itself left out: distances, then probabilities.
/// @throws InvalidInput      perplexity not in (1, k], or a distance that is negative, NaN or infinite.
void perplexity_affinities(DenseView<float> distances, double perplexity, Threads threads);

/// Symmetric joint probabilities of t-SNE from the conditional ones: P_ij = (p_j|i + p_i|j) / 2n, rows rising. They sum
/// to 1.
///
/// Cost: sorts each row. Memory: 16 bytes a pair (i, neighbour) while at work, 8 bytes an entry of the result.
///
/// @param neighbors      points x neighbours, other than the point itself and different within a row.
/// @param probabilities  of those; every row sums to 1.
/// @throws InvalidInput  a neighbour is not a point, or not another one.
Graph<float> joint_affinities(DenseView<const std::int32_t> neighbors, DenseView<const float> probabilities,
                              Threads threads);

}  // namespace cellweave
