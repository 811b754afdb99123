#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "check.hpp"
#include "integrate/byte_codes.hpp"
#include "integrate/first_bounds.hpp"
#include "integrate/manhattan_neighbors.hpp"
#include "linalg/random_matrices.hpp"

using namespace cellweave;
using namespace cellweave::testing;

namespace {

double manhattan(const RowMatrix<double>& points, Size a, Size b) {
    return (points.row(a) - points.row(b)).cwiseAbs().sum();
}

/// The nearest of [begin, end), sorted by number; ties go to the lower number.
std::vector<std::int64_t> nearest(const RowMatrix<double>& points, Size point, Size begin, Size end, Size k) {
    std::vector<std::pair<double, std::int64_t>> ranked;
    for (Size other = begin; other < end; ++other) ranked.emplace_back(manhattan(points, point, other), other);
    std::ranges::sort(ranked);
    std::vector<std::int64_t> result;
    for (Size r = 0; r < std::min(k, end - begin); ++r) result.push_back(ranked[static_cast<std::size_t>(r)].second);
    std::ranges::sort(result);
    return result;
}

std::vector<std::int64_t> found(const NeighborLists& lists, Size point) {
    const auto all = lists.of(point);
    return {std::ranges::lower_bound(all, 0), all.end()};
}

void check_against_brute_force(const RowMatrix<double>& points, const std::vector<std::int64_t>& offsets, Size k) {
    const auto neighbors = neighbors_in_other_sets(as_view(points), offsets, {.n_neighbors = k}, Threads{2});
    for (std::size_t set = 0; set + 1 < offsets.size(); ++set) {
        for (Size point = offsets[set]; point < offsets[set + 1]; ++point) {
            CHECK(found(neighbors.earlier, point) == nearest(points, point, 0, offsets[set], k));
            CHECK(found(neighbors.later, point) == nearest(points, point, offsets[set + 1], points.rows(), k));
        }
    }
}

}  // namespace

TEST("byte_codes: distances of codes lie within the errors of the distances of points, for few and many coordinates") {
    for (const Size n_columns : {1, 3, 40, 150, 700}) {
        RowMatrix<double> points = random_dense<double>(70, n_columns, 1);
        points.row(3) *= 1000.0;  // far beyond the range that is coded
        points.col(0).setConstant(2.0);
        const ByteCodes codes = byte_codes(as_view(std::as_const(points)), Threads{1});
        std::vector<std::uint16_t> distances(70);
        for (Size a = 0; a < 70; ++a) {
            byte_distances(codes.point(a), codes, 0, 70, distances.data());
            for (Size b = 0; b < 70; ++b) {
                const double error = codes.step * (codes.error[static_cast<std::size_t>(a)] +
                                                   static_cast<double>(codes.error[static_cast<std::size_t>(b)]));
                CHECK(std::abs(manhattan(points, a, b) - codes.step * distances[static_cast<std::size_t>(b)]) <= error);
            }
        }
    }
}

TEST("first_bounds: no nearer than the k-th neighbour, and unknown where there are fewer") {
    const Size n = 2100;  // four clusters
    const Size k = 12;
    const std::vector<std::int64_t> offsets{0, 8, 700, 1500, n};
    const RowMatrix<double> points = random_dense<double>(n, 9, 5);
    const ByteCodes codes = byte_codes(as_view(points), Threads{1});
    const FirstBounds bounds = first_bounds(as_view(points), offsets, codes, codes.error, k, Threads{2});
    std::vector<std::uint16_t> distances(static_cast<std::size_t>(n));
    const auto check_bound = [&](std::uint32_t found, Size begin, Size end) {
        CHECK((found == FirstBounds::unknown) == (end - begin < k));
        if (end - begin < k) return;
        std::vector<std::uint32_t> at_most;
        for (Size other = begin; other < end; ++other)
            at_most.push_back(distances[static_cast<std::size_t>(other)] +
                              codes.error[static_cast<std::size_t>(other)]);
        std::ranges::sort(at_most);
        CHECK(found >= at_most[static_cast<std::size_t>(k - 1)]);
        // Of 256 points nearby the k-th is not among the farther half of all.
        CHECK(found <= at_most[at_most.size() / 2]);
    };
    for (std::size_t set = 0; set + 1 < offsets.size(); ++set) {
        for (Size point = offsets[set]; point < offsets[set + 1]; point += 7) {
            byte_distances(codes.point(point), codes, 0, n, distances.data());
            check_bound(bounds.earlier[static_cast<std::size_t>(point)], 0, offsets[set]);
            check_bound(bounds.later[static_cast<std::size_t>(point)], offsets[set + 1], n);
        }
    }
}

TEST("neighbors_in_other_sets: as brute force finds them") {
    check_against_brute_force(random_dense<double>(1600, 8, 6), {0, 500, 900, 1600}, 10);
    check_against_brute_force(random_dense<double>(700, 20, 1), {0, 150, 151, 151, 480, 700}, 15);
    check_against_brute_force(random_dense<double>(300, 170, 2), {0, 140, 300}, 20);
    check_against_brute_force(random_dense<double>(40, 3, 3), {0, 10, 40}, 60);
}

TEST("neighbors_in_other_sets: outliers, and points that are the same") {
    RowMatrix<double> points = random_dense<double>(500, 6, 4);
    points.row(7) *= 1e9;
    points.row(480) *= -1e9;
    for (Size row = 100; row < 400; row += 3) points.row(row) = points.row(0);
    check_against_brute_force(points, {0, 200, 500}, 10);
    check_against_brute_force(RowMatrix<double>::Zero(90, 5), {0, 50, 90}, 4);
}
