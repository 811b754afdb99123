#include "linalg/loess.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "core/error.hpp"
#include "core/finite.hpp"

namespace cellweave {

namespace {

struct Point {
    double x;
    double y;
};
using Points = std::span<const Point>;

struct Vertex {
    double x;
    double value = 0;
    double slope = 0;
};

/// Points begin to end - 1 (in the order of x) between two cuts.
struct Cell {
    Size begin;
    Size end;
    double low;
    double high;
};

double x_at(Points points, Size k) {
    return points[static_cast<std::size_t>(k)].x;
}

/// The place at which a cell is cut: the last point of its lower half, moved to where x changes so that equal x stay
/// together. Looks 0, +1, -1, +2, ... away from the middle and gives up at the end of the cell that it meets first.
Size cut_place(Points points, const Cell& cell) {
    const Size middle = cell.begin + (cell.end - cell.begin - 1) / 2;
    for (Size away = 0;; away = away > 0 ? -away : 1 - away) {
        const Size place = middle + away;
        if (place < cell.begin || place + 1 >= cell.end) return middle;
        if (x_at(points, place) != x_at(points, place + 1)) return place;
    }
}

/// Vertices of the k-d tree in rising order, their values still to be fitted.
std::vector<Vertex> place_vertices(Points points, Size largest_cell) {
    const auto n = static_cast<Size>(points.size());
    const double low = points.front().x;
    const double high = points.back().x;
    // dloess puts the outermost vertices half a percent outside the data.
    const double margin = 0.005 * std::max(high - low, std::max(std::abs(low), std::abs(high)) * 1e-3 + 1e-30);
    const auto most_cells = static_cast<std::size_t>(std::max<Size>(200, n));
    std::vector<Vertex> vertices{{low - margin}, {high + margin}};
    std::vector<Cell> cells{{0, n, low - margin, high + margin}};
    for (std::size_t c = 0; c < cells.size(); ++c) {
        const Cell cell = cells[c];
        if (cell.end - cell.begin <= largest_cell || cells.size() + 2 > most_cells) continue;
        const Size place = cut_place(points, cell);
        const double cut = x_at(points, place);
        if (cut == cell.low || cut == cell.high) continue;
        vertices.push_back({cut});
        cells.push_back({cell.begin, place + 1, cell.low, cut});
        cells.push_back({place + 1, cell.end, cut, cell.high});
    }
    std::ranges::sort(vertices, {}, &Vertex::x);
    return vertices;
}

/// Distance from `centre` to its `n_near`-th nearest point.
double radius(Points points, double centre, Size n_near) {
    // The nearest points are consecutive: slide their window right while that brings its farther end closer.
    Size low = 0;
    Size high = static_cast<Size>(points.size()) - n_near;
    while (low < high) {
        const Size begin = (low + high) / 2;
        if (centre - x_at(points, begin) > x_at(points, begin + n_near) - centre) {
            low = begin + 1;
        } else {
            high = begin;
        }
    }
    return std::max(std::abs(centre - x_at(points, low)), std::abs(x_at(points, low + n_near - 1) - centre));
}

/// Weighted sums of a local fit by orthogonal polynomials (Forsythe 1957): degree k of the basis needs its squared norm
/// and its product with y.
struct Term {
    double norm = 0;
    double product = 0;
    double coefficient() const { return product / norm; }
};

/// Fits a parabola around the vertex over the points nearer than `radius`, and sets its value and slope. Returns how
/// many coefficients the points determine; with fewer than 3, a line or a constant was fitted (nothing for 0).
int fit_vertex(Points points, double radius, Vertex& vertex) {
    if (!(radius > 0)) return 0;
    const auto first = std::ranges::lower_bound(points, vertex.x - radius, {}, &Point::x);
    const auto last = std::ranges::upper_bound(points, vertex.x + radius, {}, &Point::x);
    const auto for_each = [&](auto&& add) {
        for (auto point = first; point != last; ++point) {
            const double z = (point->x - vertex.x) / radius;
            const double size = std::abs(z);
            if (size >= 1) continue;
            const double gap = 1 - size * size * size;
            add(gap * gap * gap, z, point->y);
        }
    };
    // Basis 1, z - a1, (z - a2)(z - a1) - b; each step orthogonal to those before.
    Term constant;
    double a1 = 0;
    double size_of_square = 0;
    for_each([&](double weight, double z, double y) {
        constant.norm += weight;
        constant.product += weight * y;
        a1 += weight * z;
        size_of_square += weight * z * z * z * z;
    });
    if (constant.norm <= 0) return 0;
    a1 /= constant.norm;
    vertex.value = constant.coefficient();
    vertex.slope = 0;

    Term linear;
    double a2 = 0;
    double size_of_line = 0;
    for_each([&](double weight, double z, double y) {
        const double p1 = z - a1;
        linear.norm += weight * p1 * p1;
        linear.product += weight * p1 * (y - vertex.value);
        a2 += weight * z * p1 * p1;
        size_of_line += weight * z * z;
    });
    // Below this the basis function is rounding error: dloess calls a singular value of 100 units in the last place 0.
    constexpr double nothing = 1e-27;
    if (linear.norm <= nothing * size_of_line) return 1;
    a2 /= linear.norm;
    const double b = linear.norm / constant.norm;
    const double level = vertex.value;
    const double line = linear.coefficient();
    vertex.value = level - line * a1;
    vertex.slope = line / radius;

    Term square;
    for_each([&](double weight, double z, double y) {
        const double p1 = z - a1;
        const double p2 = (z - a2) * p1 - b;
        square.norm += weight * p2 * p2;
        square.product += weight * p2 * (y - level - line * p1);
    });
    if (square.norm <= nothing * size_of_square) return 2;
    vertex.value += square.coefficient() * (a1 * a2 - b);
    vertex.slope -= square.coefficient() * (a1 + a2) / radius;
    return 3;
}

/// Fits over the `n_near` nearest points, or more where they don't determine a parabola.
void fit_vertex_widening(Points points, Size n_near, Vertex& vertex) {
    const auto n = static_cast<Size>(points.size());
    for (; n_near < n; n_near = std::min(n, 2 * n_near)) {
        if (fit_vertex(points, radius(points, vertex.x, n_near), vertex) == 3) return;
    }
    const double all = radius(points, vertex.x, n);
    if (fit_vertex(points, all, vertex) == 3) return;
    // Twice the distance of the farthest point, so that it carries weight too; a single point may be the vertex itself.
    fit_vertex(points, all > 0 ? 2 * all : 1, vertex);
}

/// Cubic Hermite blending between two vertices.
double blend(const Vertex& left, const Vertex& right, double x) {
    const double width = right.x - left.x;
    const double h = (x - left.x) / width;
    const double g = 1 - h;
    return g * g * (1 + 2 * h) * left.value + h * h * (3 - 2 * h) * right.value +
           (h * g * g * left.slope - h * h * g * right.slope) * width;
}

}  // namespace

std::vector<double> loess(std::span<const double> x, std::span<const double> y, const LoessOptions& options,
                          Threads threads) {
    const auto n = static_cast<Size>(x.size());
    require(x.size() == y.size(),
            "loess: x has " + std::to_string(x.size()) + " values, y has " + std::to_string(y.size()));
    require(options.span > 0 && options.span <= 1,
            "span is " + std::to_string(options.span) + "; expected a number in (0, 1]");
    require(all_finite(x, threads) && all_finite(y, threads), "loess: x and y must be finite");
    if (n == 0) return {};

    std::vector<Size> order(x.size());
    std::iota(order.begin(), order.end(), Size{0});
    std::ranges::stable_sort(order, {}, [&](Size k) { return x[static_cast<std::size_t>(k)]; });
    std::vector<Point> points(x.size());
    std::ranges::transform(order, points.begin(), [&](Size k) {
        return Point{x[static_cast<std::size_t>(k)], y[static_cast<std::size_t>(k)]};
    });

    const double share = static_cast<double>(n) * options.span;
    const auto n_near = std::clamp<Size>(static_cast<Size>(std::floor(share + 1e-5)), 1, n);
    auto vertices = place_vertices(points, static_cast<Size>(std::floor(share * options.cell)));
    parallel_for(static_cast<Size>(vertices.size()), Grain{1}, threads, [&](Range range) {
        for (const Size k : range) fit_vertex_widening(points, n_near, vertices[static_cast<std::size_t>(k)]);
    });

    std::vector<double> fitted(x.size());
    std::size_t right = 1;
    for (std::size_t k = 0; k < points.size(); ++k) {
        while (right + 1 < vertices.size() && points[k].x > vertices[right].x) ++right;
        fitted[static_cast<std::size_t>(order[k])] = blend(vertices[right - 1], vertices[right], points[k].x);
    }
    return fitted;
}

}  // namespace cellweave
