#include "neighbors/spread.hpp"

#include <algorithm>
#include <cmath>

namespace cellweave {

ListSpread::ListSpread(const PreparedPoints& points, const Clusters& lists, Threads threads)
    : centroids_(lists.centroids),
      variances_(lists.centroids.n, points.n_dims),
      from_centroid_(static_cast<std::size_t>(lists.centroids.n)) {
    const auto n_dims = static_cast<std::size_t>(points.n_dims);
    parallel_for(centroids_.n, Grain{4}, threads, [&](Range range) {
        std::vector<double> squares(n_dims);
        for (const Size list : range) {
            std::fill(squares.begin(), squares.end(), 0.0);
            const auto members = lists.members(list);
            const float* const centroid = centroids_.row(list);
            for_each_row(points, members, [&](Size, const float* row) {
                for (std::size_t k = 0; k < n_dims; ++k) {
                    const double difference = static_cast<double>(row[k]) - static_cast<double>(centroid[k]);
                    squares[k] += difference * difference;
                }
            });
            double mean = 0;
            double variance = 0;
            for (std::size_t k = 0; k < n_dims; ++k) {
                const double of_points = squares[k] / static_cast<double>(std::max<std::size_t>(1, members.size()));
                variances_(list, static_cast<Size>(k)) = static_cast<float>(of_points);
                mean += of_points;
                variance += 2 * of_points * of_points;
            }
            from_centroid_[static_cast<std::size_t>(list)] = {static_cast<float>(mean), static_cast<float>(variance)};
        }
    });
}

SquaredDistances ListSpread::from(const PointRows& queries, Size own, std::span<const std::int32_t> lists) const {
    const auto n_lists = static_cast<Size>(lists.size());
    const Eigen::Map<const Eigen::RowVectorXf> origin(centroids_.row(own), queries.cols());
    PointRows centers(n_lists, queries.cols());
    PointRows variances(n_lists, queries.cols());
    for (Size row = 0; row < n_lists; ++row) {
        const Size list = lists[static_cast<std::size_t>(row)];
        centers.row(row) = Eigen::Map<const Eigen::RowVectorXf>(centroids_.row(list), queries.cols()) - origin;
        variances.row(row) = variances_.row(list);
    }
    const PointRows weighted = variances.cwiseProduct(centers);
    const PointRows squares = queries.cwiseAbs2();
    // Products of matrices give |q - c|^2 as q^2 - 2 q c + c^2, and the sum of s^2 (q - c)^2 likewise.
    SquaredDistances found{centers * queries.transpose(), {}, variances * squares.transpose()};
    found.deviation.matrix().noalias() -= 2 * (weighted * queries.transpose());
    found.mean.resize(n_lists, queries.rows());
    const Eigen::Array<float, 1, Eigen::Dynamic> lengths = squares.rowwise().sum().transpose();
    for (Size row = 0; row < n_lists; ++row) {
        const Moments& moments = from_centroid_[static_cast<std::size_t>(lists[static_cast<std::size_t>(row)])];
        auto to_centroid = found.to_centroid.row(row);
        auto deviation = found.deviation.row(row);
        to_centroid = (lengths - 2 * to_centroid + centers.row(row).squaredNorm()).max(0);
        found.mean.row(row) = to_centroid + moments.mean;
        deviation = (4 * (deviation + weighted.row(row).dot(centers.row(row))).max(0) + moments.variance).sqrt();
    }
    return found;
}

}  // namespace cellweave
