#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <vector>

#include "check.hpp"
#include "embed/diffusion.hpp"

using namespace cellweave;

namespace {

constexpr Size reach = 30;

/// A ring in which every vertex knows the `reach` next ones on either side.
struct Ring {
    std::vector<float> weights;
    std::vector<std::int32_t> neighbors, offsets{0};
    Size n;

    explicit Ring(Size n_vertices) : n(n_vertices) {
        for (Size vertex = 0; vertex < n; ++vertex) {
            for (Size hop = -reach; hop <= reach; ++hop) {
                if (hop == 0) continue;
                neighbors.push_back(static_cast<std::int32_t>((vertex + hop + n) % n));
                weights.push_back(0.5F);
            }
            offsets.push_back(static_cast<std::int32_t>(neighbors.size()));
        }
    }
    CsrView<const float, std::int32_t> view() const { return {weights.data(), neighbors.data(), offsets.data(), n, n}; }

    /// Of its transitions, largest absolute value first, then falling: means of cosines.
    std::vector<double> eigenvalues(std::size_t n_wanted) const {
        std::vector<double> values;
        for (Size wave = 0; wave < n; ++wave) {
            double sum = 0;
            for (Size hop = 1; hop <= reach; ++hop)
                sum += std::cos(2 * std::numbers::pi * static_cast<double>(wave * hop) / static_cast<double>(n));
            values.push_back(sum / reach);
        }
        std::ranges::sort(values, [](double a, double b) { return std::abs(a) > std::abs(b); });
        values.resize(n_wanted);
        std::ranges::sort(values, std::greater<>());
        return values;
    }
};

}  // namespace

TEST("diffusion_map finds the waves of a ring, by iteration and by complete decomposition") {
    for (const Size n : {100, 700}) {
        const Ring ring(n);
        std::vector<double> values(7), vectors(7 * static_cast<std::size_t>(n));
        const DenseView<double> out(vectors.data(), n, 7);
        CHECK(diffusion_map(ring.view(), 0, values, out, Threads{2}));
        const auto expected = ring.eigenvalues(7);
        for (std::size_t k = 0; k < 7; ++k) CHECK_NEAR(values[k], expected[k], 1e-9);
        for (Size vertex = 0; vertex < n; ++vertex)
            CHECK_NEAR(out(vertex, 0), 1 / std::sqrt(static_cast<double>(n)), 1e-9);
    }
}

TEST("diffusion_map of no components is nothing") {
    const Ring ring(100);
    CHECK(diffusion_map(ring.view(), 0, {}, DenseView<double>(nullptr, 100, 0), Threads{1}));
}
