#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "core/parallel.hpp"
#include "core/views.hpp"

namespace cellweave {

/// Symmetric joint probabilities of t-SNE: P_ij = (p_j|i + p_i|j) / 2n, stored at both ends, columns rising. They sum
/// to 1.
struct Affinities {
    std::vector<Size> offsets{0};
    std::vector<std::uint32_t> targets;
    std::vector<float> values;

    Size n_points() const { return static_cast<Size>(offsets.size()) - 1; }
    Size begin(Size point) const { return offsets[static_cast<std::size_t>(point)]; }
    Size end(Size point) const { return offsets[static_cast<std::size_t>(point) + 1]; }
};

/// Turns distances to the nearest neighbours into p_j|i = exp(-beta_i d_ij^2) / sum, in place, with beta_i such that
/// the entropy of row i is log(perplexity) (van der Maaten and Hinton 2008, section 2), to 1e-5.
///
/// A row whose neighbours are all equally far is uniform. Cost: about 30 x n x k exponentials. Scratch: k doubles.
///
/// @param[in,out] distances  points x neighbours, the point itself left out: distances, then probabilities.
/// @throws InvalidInput      perplexity not in (1, k], or a distance that is negative, NaN or infinite.
void perplexity_affinities(DenseView<float> distances, double perplexity, Threads threads);

/// The joint probabilities from the conditional ones.
///
/// Cost: sorts each row. Memory: 16 bytes a pair (i, neighbour) while at work, 8 bytes an entry of the result.
///
/// @param neighbors      points x neighbours, other than the point itself and different within a row.
/// @param probabilities  of those; every row sums to 1.
/// @throws InvalidInput  a neighbour is not a point, or not another one.
Affinities joint_affinities(DenseView<const std::int32_t> neighbors, DenseView<const float> probabilities,
                            Threads threads);

}  // namespace cellweave
