#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "core/parallel.hpp"
#include "neighbors/points.hpp"

namespace cellweave {

/// For every cluster the clusters around it, nearest centroid first, beginning with itself, and how far their centroids
/// are.
class Surroundings {
public:
    Surroundings(const PreparedPoints& centroids, Threads threads);

    /// The clusters `begin` to `end` around `cluster`.
    std::span<const std::int32_t> around(Size cluster, Size begin, Size end) const {
        return std::span(clusters_).subspan(static_cast<std::size_t>(cluster * n_ + begin),
                                            static_cast<std::size_t>(end - begin));
    }

    /// All of them.
    std::span<const std::int32_t> around(Size cluster) const { return around(cluster, 0, n_); }

    /// Distance of the centroids of `cluster` and the cluster that is `near` places from it.
    float apart(Size cluster, Size near) const {
        return static_cast<float>(distances_[static_cast<std::size_t>(cluster * n_ + near)]);
    }

private:
    Size n_;
    std::vector<std::int32_t> clusters_;  // n x n
    std::vector<double> distances_;
};

}  // namespace cellweave
