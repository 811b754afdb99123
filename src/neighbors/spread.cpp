#include "neighbors/spread.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>

namespace cellweave {

ListSpread::ListSpread(const PreparedPoints& points, const Clusters& lists, Threads threads)
    : centroids_(lists.centroids),
      variances_(static_cast<std::size_t>(lists.centroids.n * points.n_dims)),
      from_centroid_(static_cast<std::size_t>(lists.centroids.n)) {
    const auto n_dims = static_cast<std::size_t>(points.n_dims);
    parallel_for(centroids_.n, Grain{4}, threads, [&](Range range) {
        std::vector<double> squares(n_dims);
        for (const Size list : range) {
            std::fill(squares.begin(), squares.end(), 0.0);
            const Size begin = lists.starts[static_cast<std::size_t>(list)];
            const Size end = lists.starts[static_cast<std::size_t>(list) + 1];
            const float* const centroid = centroids_.row(list);
            for (Size slot = begin; slot < end; ++slot) {
                const float* const row = points.row(lists.order[static_cast<std::size_t>(slot)]);
                for (std::size_t k = 0; k < n_dims; ++k) {
                    const double difference = static_cast<double>(row[k]) - static_cast<double>(centroid[k]);
                    squares[k] += difference * difference;
                }
            }
            double mean = 0;
            double variance = 0;
            for (std::size_t k = 0; k < n_dims; ++k) {
                const double of_points = squares[k] / static_cast<double>(std::max<Size>(1, end - begin));
                variances_[static_cast<std::size_t>(list) * n_dims + k] = static_cast<float>(of_points);
                mean += of_points;
                variance += 2 * of_points * of_points;
            }
            from_centroid_[static_cast<std::size_t>(list)] = {static_cast<float>(mean), static_cast<float>(variance)};
        }
    });
}

SquaredDistances ListSpread::from(const float* query, Size list) const {
    using namespace Eigen::internal;
    using Packet = packet_traits<float>::type;
    constexpr int lanes = packet_traits<float>::size;
    const float* const centroid = centroids_.row(list);
    const float* const variances = variances_.data() + list * centroids_.n_dims;
    Packet squares = pset1<Packet>(0.0F);
    Packet weighted = pset1<Packet>(0.0F);
    Size k = 0;
    for (; k + lanes <= centroids_.n_dims; k += lanes) {
        const Packet difference = psub(ploadu<Packet>(query + k), ploadu<Packet>(centroid + k));
        const Packet square = pmul(difference, difference);
        squares = padd(squares, square);
        weighted = pmadd(square, ploadu<Packet>(variances + k), weighted);
    }
    auto [mean, variance] = from_centroid_[static_cast<std::size_t>(list)];
    mean += predux(squares);
    variance += 4 * predux(weighted);
    for (; k < centroids_.n_dims; ++k) {
        const float square = (query[k] - centroid[k]) * (query[k] - centroid[k]);
        mean += square;
        variance += 4 * square * variances[k];
    }
    return {mean, std::sqrt(variance)};
}

}  // namespace cellweave
