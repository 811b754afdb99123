#include <algorithm>
#include <vector>

#include "check.hpp"
#include "core/random.hpp"
#include "neighbors/approximate.hpp"
#include "neighbors/kmeans.hpp"

using namespace cellweave;

namespace {

/// 40 clouds of points in 8 dimensions.
std::vector<float> clouds(Size n) {
    std::vector<float> points(static_cast<std::size_t>(n * 8));
    const Random noise(3, 0);
    const Random center(3, 1);
    for (Size cell = 0; cell < n; ++cell) {
        for (Size k = 0; k < 8; ++k) {
            points[cell * 8 + k] =
                static_cast<float>(5 * center.normal(static_cast<std::uint64_t>((cell % 40) * 8 + k)) +
                                   noise.normal(static_cast<std::uint64_t>(cell * 8 + k)));
        }
    }
    return points;
}

struct Found {
    std::vector<std::int32_t> indices;
    std::vector<float> distances;
};

Found search(const std::vector<float>& points, Size n, Size k, double recall) {
    Found found{std::vector<std::int32_t>(static_cast<std::size_t>(n * k)),
                std::vector<float>(static_cast<std::size_t>(n * k))};
    const NeighborTable<float> table{{found.indices.data(), n, k}, {found.distances.data(), n, k}};
    ApproximateOptions options;
    options.recall = recall;
    approximate_neighbors<float, float>({points.data(), n, 8}, std::nullopt, Metric::euclidean, options, table,
                                        Threads{2});
    return found;
}

}  // namespace

TEST("the approximate search that may miss nothing is the exact one") {
    const Size n = 3000, k = 12;
    const auto points = clouds(n);
    Found exact{std::vector<std::int32_t>(static_cast<std::size_t>(n * k)),
                std::vector<float>(static_cast<std::size_t>(n * k))};
    exact_neighbors<float, float>({points.data(), n, 8}, std::nullopt, Metric::euclidean,
                                  {{exact.indices.data(), n, k}, {exact.distances.data(), n, k}}, Threads{2});
    CHECK(search(points, n, k, 1.0).indices == exact.indices);
}

TEST("the approximate search finds the share it is asked for, and looks no further than that takes") {
    const Size n = 4000, k = 10;
    const auto points = clouds(n);
    const Found exact = search(points, n, k, 1.0);
    for (const double asked : {0.5, 0.9, 0.99}) {
        const Found found = search(points, n, k, asked);
        Size hits = 0;
        for (Size cell = 0; cell < n; ++cell) {
            const auto begin = exact.indices.begin() + cell * k;
            for (Size j = 1; j < k; ++j) hits += std::count(begin, begin + k, found.indices[cell * k + j]);
        }
        const double share = static_cast<double>(hits) / static_cast<double>(n * (k - 1));
        CHECK(share >= asked - 0.003);
        CHECK(share < 1);
    }
}

TEST("the approximate search copes with duplicates, few points and as many neighbours as points") {
    const std::vector<float> same(50 * 8, 1.0F);
    const auto found = search(same, 50, 50, 0.5);
    for (Size cell = 0; cell < 50; ++cell) {
        CHECK(found.indices[cell * 50] == cell);
        CHECK(found.distances[cell * 50 + 49] == 0);
    }
    CHECK(search(clouds(1), 1, 1, 0.5).indices == std::vector<std::int32_t>{0});
}

TEST("clusters hold every point once, in order") {
    const auto points = clouds(1000);
    const DenseView<const float> view(points.data(), 1000, 8);
    const auto prepared = prepare(view, Metric::euclidean, find_frame(view, Metric::euclidean, Threads{1}), Threads{1});
    KMeansOptions options;
    options.n_clusters = 40;
    const auto clusters = find_clusters(prepared, options, Threads{2});
    CHECK(clusters.starts.front() == 0 && clusters.starts.back() == 1000);
    auto order = clusters.order;
    std::sort(order.begin(), order.end());
    for (std::size_t k = 0; k < order.size(); ++k) CHECK(order[k] == static_cast<std::int32_t>(k));
}
