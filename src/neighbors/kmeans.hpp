#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "core/parallel.hpp"
#include "neighbors/points.hpp"

namespace cellweave {

/// Options of find_clusters().
struct KMeansOptions {
    Size n_clusters = 1;

    /// Rounds of assignment and averaging. The lists of a search gain little after the first few.
    int n_rounds = 6;

    /// Points per cluster that the rounds look at.
    Size sample_per_cluster = 64;

    std::uint64_t seed = 0;
};

/// Points by the cluster whose centroid is nearest.
struct Clusters {
    PreparedPoints centroids;
    std::vector<std::int32_t> order;  ///< The points, cluster by cluster, rising within each.
    std::vector<Size> starts;         ///< n_clusters + 1: where each cluster begins in `order`.

    /// The points of one cluster.
    std::span<const std::int32_t> members(Size cluster) const {
        const auto begin = static_cast<std::size_t>(starts[static_cast<std::size_t>(cluster)]);
        const auto end = static_cast<std::size_t>(starts[static_cast<std::size_t>(cluster) + 1]);
        return std::span(order).subspan(begin, end - begin);
    }
};

/// Cuts points into cells of a Voronoi diagram by k-means (Lloyd 1982) on a sample.
///
/// Cost: n_points x n_clusters scores, and as many again for the sample's rounds if the sample is that large.
/// Determinism: means are summed cluster by cluster in the order of the points; ties go to the lower centroid.
Clusters find_clusters(const PreparedPoints& points, const KMeansOptions& options, Threads threads);

/// Other points by the nearest of `centroids`.
Clusters assign_to(PreparedPoints centroids, const PreparedPoints& points, Threads threads);

}  // namespace cellweave
