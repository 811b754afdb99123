#pragma once
#include <vector>

#include "core/parallel.hpp"
#include "neighbors/kmeans.hpp"
#include "neighbors/points.hpp"

namespace cellweave {

/// Squared distances from one query to the points of a list.
struct SquaredDistances {
    float mean;
    float deviation;  ///< Standard deviation.
};

/// How the points of each list lie around its centroid.
class ListSpread {
public:
    ListSpread(const PreparedPoints& points, const Clusters& lists, Threads threads);

    /// Squared distances from `query` to the points of `list` if these were normally distributed, each dimension by
    /// itself. With s^2 the variances and t the difference of query and centroid, their mean is sum t^2 + s^2, their
    /// variance sum 4 t^2 s^2 + 2 s^4.
    SquaredDistances from(const float* query, Size list) const;

private:
    /// The sums without the difference of query and centroid.
    struct Moments {
        float mean;
        float variance;
    };

    const PreparedPoints& centroids_;
    std::vector<float> variances_;  // n_lists x n_dims
    std::vector<Moments> from_centroid_;
};

}  // namespace cellweave
