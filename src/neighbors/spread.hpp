#pragma once
#include <Eigen/Core>
#include <cstdint>
#include <span>
#include <vector>

#include "core/parallel.hpp"
#include "neighbors/kmeans.hpp"
#include "neighbors/points.hpp"

namespace cellweave {

/// Points x dimensions.
using PointRows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Lists x queries.
using ListsByQueries = Eigen::Array<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Squared distances from queries to the centroid of a list and to its points.
struct SquaredDistances {
    ListsByQueries to_centroid;
    ListsByQueries mean;
    ListsByQueries deviation;  ///< Standard deviation.
};

/// How the points of each list lie around its centroid.
class ListSpread {
public:
    ListSpread(const PreparedPoints& points, const Clusters& lists, Threads threads);

    /// Squared distances from `queries` to the points of some lists if these were normally distributed, each dimension
    /// by itself. With s^2 the variances and t the difference of query and centroid, their mean is sum t^2 + s^2, their
    /// variance sum 4 t^2 s^2 + 2 s^4.
    ///
    /// @param queries  less the centroid of `own`, their list: float32 sees them and the other lists from there.
    SquaredDistances from(const PointRows& queries, Size own, std::span<const std::int32_t> lists) const;

private:
    /// The sums without the difference of query and centroid.
    struct Moments {
        float mean;
        float variance;
    };

    const PreparedPoints& centroids_;
    PointRows variances_;  // n_lists x n_dims
    std::vector<Moments> from_centroid_;
};

}  // namespace cellweave
