#include <algorithm>
#include <map>
#include <vector>

#include "check.hpp"
#include "core/error.hpp"
#include "core/random.hpp"
#include "integrate/covering_grid.hpp"

using namespace cellweave;

namespace {

std::vector<double> random_points(Size n, Size d) {
    const Random random(1, 0);
    std::vector<double> points(static_cast<std::size_t>(n * d));
    for (std::size_t k = 0; k < points.size(); ++k) points[k] = random.normal(k);
    return points;
}

/// The definition: sort each feature and walk along it.
std::vector<std::vector<int>> boxes_by_definition(const std::vector<double>& points, Size n, Size d, double length) {
    double largest = 0;
    std::vector<double> low(static_cast<std::size_t>(d), 1e300), scaled(points);
    for (Size k = 0; k < n * d; ++k) low[k % d] = std::min(low[k % d], points[k]);
    for (Size k = 0; k < n * d; ++k) largest = std::max(largest, scaled[k] -= low[k % d]);
    std::vector<std::vector<int>> boxes(static_cast<std::size_t>(n), std::vector<int>(static_cast<std::size_t>(d), 0));
    for (Size f = 0; f < d; ++f) {
        std::vector<std::pair<double, Size>> column;
        for (Size p = 0; p < n; ++p) column.emplace_back(scaled[p * d + f] / largest, p);
        std::sort(column.begin(), column.end());
        double start = column[0].first;
        int interval = 0;
        for (const auto& [value, p] : column) {
            if (start + length < value) {
                start = value;
                ++interval;
            }
            boxes[p][f] = interval;
        }
    }
    return boxes;
}

void check_against_definition(Size n, Size d, Size n_boxes) {
    const auto points = random_points(n, d);
    const auto grid = covering_grid(DenseView<const double>(points.data(), n, d), {n_boxes, 0.1, 200}, Threads{2});
    const auto expected = boxes_by_definition(points, n, d, grid.steps.back().length);
    std::map<std::vector<int>, int> numbers;
    for (Size p = 0; p < n; ++p) {
        const int number = numbers.try_emplace(expected[p], static_cast<int>(numbers.size())).first->second;
        CHECK(grid.box_of_point[p] == number);
        for (Size f = 0; f < d; ++f) CHECK(grid.intervals[number * d + f] == expected[p][f]);
    }
    CHECK(grid.n_boxes == static_cast<Size>(numbers.size()));
    CHECK(grid.converged);
}

}  // namespace

TEST("covering grid: the boxes of the definition") {
    check_against_definition(500, 3, 60);
    check_against_definition(700, 1, 200);   // many intervals: the sorted search
    check_against_definition(400, 60, 390);  // more digits than 63 bits hold
}

TEST("covering grid: identical points share a box") {
    const std::vector<float> points(30, 7.0f);
    const auto grid = covering_grid(DenseView<const float>(points.data(), 10, 3), {4, 0.1, 200}, Threads{1});
    CHECK(grid.n_boxes == 1);
    CHECK(!grid.converged);
}

TEST("covering grid: wrong options are refused") {
    const std::vector<double> points(6, 1.0);
    const DenseView<const double> view(points.data(), 3, 2);
    CHECK_THROWS(InvalidInput, covering_grid(view, {0, 0.1, 200}, Threads{1}));
    CHECK_THROWS(InvalidInput, covering_grid(view, {2, -1.0, 200}, Threads{1}));
    CHECK_THROWS(InvalidInput, covering_grid(view, {2, 0.1, 0}, Threads{1}));
    CHECK_THROWS(InvalidInput, covering_grid(view.rows(0, 0), {2, 0.1, 200}, Threads{1}));
}
