#include "neighbors/surroundings.hpp"

#include "neighbors/exact.hpp"

namespace cellweave {

Surroundings::Surroundings(const PreparedPoints& centroids, Threads threads)
    : n_(centroids.n), clusters_(static_cast<std::size_t>(n_ * n_)), distances_(static_cast<std::size_t>(n_ * n_)) {
    exact_neighbors<float, double>({centroids.rows.data(), n_, centroids.n_dims}, std::nullopt, Metric::euclidean,
                                   {{clusters_.data(), n_, n_}, {distances_.data(), n_, n_}}, threads);
}

}  // namespace cellweave
