#include <cmath>
#include <limits>
#include <vector>

#include "check.hpp"
#include "core/error.hpp"
#include "core/random.hpp"
#include "linalg/loess.hpp"

using namespace cellweave;

namespace {

std::vector<double> uniform(std::size_t n, std::uint64_t stream) {
    const Random random(3, stream);
    std::vector<double> values(n);
    for (std::size_t k = 0; k < n; ++k) values[k] = 4 * random.uniform(k) - 2;
    return values;
}

}  // namespace

TEST("loess: a parabola is its own fit") {
    const auto x = uniform(500, 0);
    std::vector<double> y(x.size());
    for (std::size_t k = 0; k < x.size(); ++k) y[k] = 1 - 2 * x[k] + 3 * x[k] * x[k];
    // Cubic blending keeps parabolas, so this holds between the vertices as well.
    const auto fitted = loess(x, y, {}, Threads{2});
    for (std::size_t k = 0; k < x.size(); ++k) CHECK_NEAR(fitted[k], y[k], 1e-11);
}

TEST("loess: the same bytes at any thread count") {
    const auto x = uniform(2000, 0);
    const auto y = uniform(2000, 1);
    const auto one = loess(x, y, {}, Threads{1});
    for (const int threads : {2, 3, 8}) CHECK(loess(x, y, {}, Threads{threads}) == one);
}

TEST("loess: few distinct x get the mean, a line, or a wider neighbourhood") {
    const std::vector<double> same(40, 0.5);
    const auto noise = uniform(40, 1);
    double mean = 0;
    for (const double value : noise) mean += value / 40;
    for (const double value : loess(same, noise, {}, Threads{1})) CHECK_NEAR(value, mean, 1e-12);

    std::vector<double> two(40, 0.0);
    std::vector<double> line(40, 1.0);
    for (std::size_t k = 20; k < 40; ++k) {
        two[k] = 2;
        line[k] = 5;
    }
    const auto on_line = loess(two, line, {}, Threads{1});
    for (std::size_t k = 0; k < 40; ++k) CHECK_NEAR(on_line[k], line[k], 1e-12);

    // Nine in ten points share one x: no neighbourhood of three in ten sees another.
    auto x = uniform(400, 2);
    for (std::size_t k = 0; k < 360; ++k) x[k] = -2;
    std::vector<double> y(x.size());
    for (std::size_t k = 0; k < x.size(); ++k) y[k] = x[k] * x[k];
    const auto fitted = loess(x, y, {}, Threads{1});
    for (std::size_t k = 0; k < x.size(); ++k) CHECK_NEAR(fitted[k], y[k], 1e-9);
}

TEST("loess: one point, none, and what is refused") {
    CHECK(loess(std::vector<double>{}, std::vector<double>{}, {}, Threads{1}).empty());
    const std::vector<double> one{3.0};
    CHECK_NEAR(loess(one, one, {}, Threads{1})[0], 3, 1e-12);
    CHECK_THROWS(InvalidInput, loess(one, std::vector<double>{1, 2}, {}, Threads{1}));
    CHECK_THROWS(InvalidInput, loess(one, one, {.span = 0}, Threads{1}));
    CHECK_THROWS(InvalidInput, loess(one, one, {.span = 1.5}, Threads{1}));
    CHECK_THROWS(InvalidInput, loess(std::vector<double>{std::nan("")}, one, {}, Threads{1}));
}
