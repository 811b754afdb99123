#include <cmath>
#include <vector>

#include "check.hpp"
#include "core/random.hpp"
#include "neighbors/reach.hpp"

using namespace cellweave;

namespace {

/// The reach for 10 neighbours among 2,000 points in 6 dimensions: 20 clouds, `apart` times as far from each other as
/// they are wide, one list each.
Reach reach_among(float apart, double recall) {
    const Size n = 2000, n_dims = 6, n_clouds = 20;
    const Random noise(2, 0);
    const Random center(2, 1);
    std::vector<float> coordinates;
    Clusters lists;
    lists.centroids.n = n_clouds;
    lists.centroids.n_dims = n_dims;
    for (Size item = 0; item < n_clouds * n_dims; ++item)
        lists.centroids.rows.push_back(apart * static_cast<float>(center.normal(static_cast<std::uint64_t>(item))));
    for (Size item = 0; item < n * n_dims; ++item) {
        const Size at = item / n_dims % n_clouds * n_dims + item % n_dims;
        coordinates.push_back(lists.centroids.rows[static_cast<std::size_t>(at)] +
                              static_cast<float>(noise.normal(static_cast<std::uint64_t>(item))));
    }
    const Frame as_it_is{std::vector<double>(n_dims, 0.0), 1.0};
    const PreparedPoints points =
        prepare(DenseView<const float>(coordinates.data(), n, n_dims), Metric::euclidean, as_it_is, Threads{1});
    lists = assign_to(lists.centroids, points, Threads{1});
    const FloatLists scanner(points, Metric::euclidean, lists, Threads{1});
    const ListSpread spread(points, lists, Threads{1});
    const Surroundings surroundings(lists.centroids, Threads{1});
    return find_reach(recall, {scanner, points, lists, spread, surroundings, points, lists, true}, Metric::euclidean,
                      10, Threads{2});
}

}  // namespace

TEST("clouds far apart need no reach, those that touch need more for a higher recall") {
    const Reach far = reach_among(1000, 0.99);
    CHECK(far.borders < 1e-6F && far.deviations < 1e-6F);
    const Reach low = reach_among(1, 0.8);
    const Reach high = reach_among(1, 0.99);
    CHECK(0 < low.deviations && low.deviations < high.deviations);
    CHECK(low.borders < high.borders && high.borders < 1);
}

TEST("to find everything takes all lists") {
    CHECK(reach_among(1, 1.0).borders > 1);
    CHECK(std::isinf(reach_among(1, 1.0).deviations));
}
