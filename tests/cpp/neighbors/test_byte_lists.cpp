#include <algorithm>
#include <utility>
#include <vector>

#include "check.hpp"
#include "core/random.hpp"
#include "neighbors/byte_lists.hpp"
#include "neighbors/list_search.hpp"

using namespace cellweave;

namespace {

constexpr Size k = 10;

/// Points of 30 clouds in 10 dimensions, as a search by lists holds them.
struct Listed {
    PreparedPoints points;
    Clusters lists;

    Listed(Size n, Metric metric, float length_of_last = 0) {
        const Size n_dims = 10, n_clouds = 30;
        const Random noise(4, 0);
        const Random center(4, 1);
        std::vector<float> coordinates;
        for (Size item = 0; item < n * n_dims; ++item) {
            const Size at = item / n_dims % n_clouds * n_dims + item % n_dims;
            coordinates.push_back(3 * static_cast<float>(center.normal(static_cast<std::uint64_t>(at))) +
                                  static_cast<float>(noise.normal(static_cast<std::uint64_t>(item))));
        }
        if (length_of_last > 0) coordinates.back() = length_of_last;
        const DenseView<const float> view(coordinates.data(), n, n_dims);
        points = prepare(view, metric, find_frame(view, metric, Threads{1}), Threads{1});
        KMeansOptions options;
        options.n_clusters = 30;
        lists = find_clusters(points, options, Threads{1});
    }
};

/// The k nearest points of one of them.
std::vector<std::int32_t> nearest_of(const PreparedPoints& points, Size query) {
    std::vector<std::pair<double, std::int32_t>> all;
    for (Size reference = 0; reference < points.n; ++reference) {
        double squares = 0;
        for (Size d = 0; d < points.n_dims; ++d) {
            const double difference = points.row(query)[d] - points.row(reference)[d];
            squares += difference * difference;
        }
        all.emplace_back(squares, static_cast<std::int32_t>(reference));
    }
    std::partial_sort(all.begin(), all.begin() + k, all.end());
    std::vector<std::int32_t> nearest;
    for (Size j = 0; j < k; ++j) nearest.push_back(all[j].second);
    return nearest;
}

struct Kept {
    double of_nearest = 0;    ///< Of the k nearest, how many are candidates.
    double per_neighbor = 0;  ///< Candidates for each of the k.
};

/// What is left of all references for the queries of ten lists.
Kept kept(const Listed& listed, Metric metric) {
    const PreparedPoints& points = listed.points;
    const ByteLists scanner(points, metric, listed.lists, Threads{1});
    const ListSpread spread(points, listed.lists, Threads{1});
    const Surroundings surroundings(listed.lists.centroids, Threads{1});
    const ListedPoints in_lists{scanner, points, listed.lists, spread, surroundings, points, listed.lists, true};
    const ListSearch search(in_lists, metric, everything, k);
    Kept share;
    Size n_wanted = 0;
    for (Size list = 0; list < 10; ++list) {
        const auto queries = listed.lists.members(list);
        const auto found = search.run(list, queries);
        for (std::size_t q = 0; q < queries.size(); ++q) {
            const auto nearest = nearest_of(points, queries[q]);
            for (const std::int32_t reference : nearest)
                share.of_nearest += static_cast<double>(std::ranges::count(found[q].ids(), reference));
            share.per_neighbor += static_cast<double>(found[q].ids().size());
            n_wanted += k;
        }
    }
    share.of_nearest /= static_cast<double>(n_wanted);
    share.per_neighbor /= static_cast<double>(n_wanted);
    return share;
}

}  // namespace

TEST("lists of bytes keep the nearest, and few others") {
    for (const Metric metric : {Metric::euclidean, Metric::cosine}) {
        const Kept share = kept(Listed(3000, metric), metric);
        CHECK(share.of_nearest >= 0.999);
        CHECK(share.per_neighbor < 1.6);
    }
}

TEST("a point far away makes no other list coarse") {
    const Kept share = kept(Listed(3000, Metric::euclidean, 1e5F), Metric::euclidean);
    CHECK(share.of_nearest >= 0.999);
    CHECK(share.per_neighbor < 1.6);
}

TEST("lists of bytes are not made of what they cannot hold") {
    CHECK(ByteLists::take(Metric::correlation, 50));
    CHECK(!ByteLists::take(Metric::manhattan, 50));
    CHECK(!ByteLists::take(Metric::euclidean, 100'000));
}
