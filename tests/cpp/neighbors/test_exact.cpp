#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "check.hpp"
#include "core/error.hpp"
#include "core/random.hpp"
#include "neighbors/exact.hpp"

using namespace cellweave;

namespace {

struct Found {
    std::vector<std::int32_t> indices;
    std::vector<double> distances;
};

std::vector<float> random_points(Size n, Size n_dims, std::uint64_t stream) {
    std::vector<float> points(static_cast<std::size_t>(n * n_dims));
    const Random random(7, stream);
    for (std::size_t k = 0; k < points.size(); ++k) points[k] = static_cast<float>(random.normal(k));
    return points;
}

Found search(const std::vector<float>& points, Size n, Size n_dims, Size k, Metric metric, int threads = 2) {
    Found found{std::vector<std::int32_t>(static_cast<std::size_t>(n * k)),
                std::vector<double>(static_cast<std::size_t>(n * k))};
    exact_neighbors<float, double>(DenseView<const float>(points.data(), n, n_dims), std::nullopt, metric,
                                   {{found.indices.data(), n, k}, {found.distances.data(), n, k}}, Threads{threads});
    return found;
}

double squared(const std::vector<float>& points, Size n_dims, Size a, Size b) {
    double sum = 0;
    for (Size k = 0; k < n_dims; ++k) {
        const double x = static_cast<double>(points[a * n_dims + k]) - points[b * n_dims + k];
        sum += x * x;
    }
    return sum;
}

}  // namespace

TEST("exact neighbors are those of a sort, self first, ties to the lower index") {
    const Size n = 211, n_dims = 5, k = 9;
    auto points = random_points(n, n_dims, 0);
    for (Size copy = 0; copy < 20; ++copy) std::copy_n(points.begin(), n_dims, points.begin() + (100 + copy) * n_dims);
    const auto found = search(points, n, n_dims, k, Metric::euclidean);
    for (Size cell = 0; cell < n; ++cell) {
        std::vector<std::pair<double, Size>> all;
        for (Size other = 0; other < n; ++other)
            all.push_back({other == cell ? -1.0 : squared(points, n_dims, cell, other), other});
        std::sort(all.begin(), all.end());
        for (Size j = 0; j < k; ++j) {
            CHECK(found.indices[cell * k + j] == all[j].second);
            CHECK_NEAR(found.distances[cell * k + j], j == 0 ? 0.0 : std::sqrt(all[j].first), 1e-9);
        }
    }
}

TEST("points that float32 cannot tell apart from afar are still ordered") {
    const Size n = 100;
    std::vector<double> points;
    for (Size cell = 0; cell < n; ++cell) points.push_back(1e9 + static_cast<double>((cell * 37) % n));
    points.push_back(-1e12);
    std::vector<std::int32_t> indices(3 * (n + 1));
    std::vector<double> distances(3 * (n + 1));
    exact_neighbors<double, double>(DenseView<const double>(points.data(), n + 1, 1), std::nullopt, Metric::euclidean,
                                    {{indices.data(), n + 1, 3}, {distances.data(), n + 1, 3}}, Threads{1});
    for (Size cell = 0; cell < n; ++cell) CHECK(distances[cell * 3 + 1] == 1.0);
}

TEST("a query far outside float32's range finds its neighbours") {
    const std::vector<double> points{0, 1, 2};
    const std::vector<double> queries{1e300, -1e300};
    std::vector<std::int32_t> indices(4);
    std::vector<double> distances(4);
    exact_neighbors<double, double>(DenseView<const double>(points.data(), 3, 1),
                                    DenseView<const double>(queries.data(), 2, 1), Metric::manhattan,
                                    {{indices.data(), 2, 2}, {distances.data(), 2, 2}}, Threads{1});
    CHECK(distances[0] == 1e300);
}

TEST("every size of the last panel and of the last group of queries is right") {
    for (Size n = 1; n < 40; ++n) {
        const auto points = random_points(n, 3, static_cast<std::uint64_t>(n));
        const auto found = search(points, n, 3, n, Metric::manhattan);
        for (Size cell = 0; cell < n; ++cell) {
            std::vector<bool> seen(static_cast<std::size_t>(n));
            for (Size j = 0; j < n; ++j) {
                seen[static_cast<std::size_t>(found.indices[cell * n + j])] = true;
                if (j > 0) CHECK(found.distances[cell * n + j] >= found.distances[cell * n + j - 1]);
            }
            CHECK(std::all_of(seen.begin(), seen.end(), [](bool s) { return s; }));
        }
    }
}

TEST("exact neighbors refuse k out of range and values that are not finite") {
    auto points = random_points(10, 2, 0);
    CHECK_THROWS(InvalidInput, search(points, 10, 2, 11, Metric::euclidean));
    CHECK_THROWS(InvalidInput, search(points, 10, 2, 0, Metric::euclidean));
    points[3] = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS(InvalidInput, search(points, 10, 2, 3, Metric::cosine));
}
