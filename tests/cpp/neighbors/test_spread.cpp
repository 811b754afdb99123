#include <cmath>
#include <vector>

#include "check.hpp"
#include "core/random.hpp"
#include "neighbors/spread.hpp"

using namespace cellweave;

TEST("the spread of a list tells the mean and the deviation of the squared distances to its points") {
    const Size n = 20000, n_dims = 11;  // not a multiple of a vector register
    const Random random(1, 0);
    PreparedPoints points;
    points.n = n;
    points.n_dims = n_dims;
    for (Size item = 0; item < n * n_dims; ++item) {
        const auto width = static_cast<double>(1 + item % n_dims) / 10;
        points.rows.push_back(static_cast<float>(width * random.normal(static_cast<std::uint64_t>(item))));
    }
    KMeansOptions options;  // one list
    options.sample_per_cluster = n;
    const Clusters lists = find_clusters(points, options, Threads{2});
    const ListSpread spread(points, lists, Threads{2});

    std::vector<float> query(static_cast<std::size_t>(n_dims));
    for (std::size_t k = 0; k < query.size(); ++k) query[k] = 0.3F * static_cast<float>(k) - 1;
    double sum = 0;
    double squares = 0;
    for (Size point = 0; point < n; ++point) {
        double distance = 0;
        for (Size k = 0; k < n_dims; ++k)
            distance += std::pow(static_cast<double>(query[static_cast<std::size_t>(k)] - points.row(point)[k]), 2);
        sum += distance;
        squares += distance * distance;
    }
    const double mean = sum / n;
    const double deviation = std::sqrt(squares / n - mean * mean);
    double to_centroid = 0;
    for (std::size_t k = 0; k < query.size(); ++k)
        to_centroid += std::pow(static_cast<double>(query[k] - lists.centroids.row(0)[k]), 2);
    const std::vector<std::int32_t> only{0};
    using Row = Eigen::Map<const Eigen::RowVectorXf>;
    const PointRows from_centroid = Row(query.data(), n_dims) - Row(lists.centroids.row(0), n_dims);
    const SquaredDistances found = spread.from(from_centroid, 0, only);
    CHECK(std::abs(static_cast<double>(found.to_centroid(0, 0)) - to_centroid) < 1e-4 * to_centroid);
    CHECK(std::abs(static_cast<double>(found.mean(0, 0)) - mean) < 1e-4 * mean);
    CHECK(std::abs(static_cast<double>(found.deviation(0, 0)) - deviation) < 0.02 * deviation);
}
