#include <cmath>
#include <complex>
#include <numbers>
#include <numeric>
#include <vector>

#include "check.hpp"
#include "core/error.hpp"
#include "core/random.hpp"
#include "embed/affinities.hpp"
#include "embed/fft.hpp"
#include "embed/repulsion.hpp"
#include "embed/tsne.hpp"

using namespace cellweave;

namespace {

std::vector<float> normals(Size n, double scale) {
    const Random random(7, 1);
    std::vector<float> values(static_cast<std::size_t>(n));
    for (std::size_t k = 0; k < values.size(); ++k) values[k] = static_cast<float>(scale * random.normal(k));
    return values;
}

/// Neighbours i + 1 ... i + k on a ring of n points, at distances 1 ... k.
Graph<float> ring_affinities(std::int32_t n, std::int32_t k, double perplexity) {
    std::vector<std::int32_t> neighbors;
    std::vector<float> distances;
    for (std::int32_t point = 0; point < n; ++point) {
        for (std::int32_t step = 1; step <= k; ++step) {
            neighbors.push_back((point + step) % n);
            distances.push_back(static_cast<float>(step));
        }
    }
    const DenseView<float> rows(distances.data(), n, k);
    perplexity_affinities(rows, perplexity, Threads{2});
    return joint_affinities(DenseView<const std::int32_t>(neighbors.data(), n, k), rows, Threads{2});
}

}  // namespace

TEST("the Fourier transform is that of the definition") {
    for (const Size length : {1, 2, 3, 4, 5, 6, 8, 12, 30, 60, 64, 100, 120}) {
        const Fft fft(length);
        const auto n_values = static_cast<std::size_t>(length * Fft::lanes);
        struct alignas(32) Line {
            float values[Fft::lanes];
        };
        std::vector<Line> re(static_cast<std::size_t>(length));
        std::vector<Line> im(re.size());
        std::vector<Line> work_re(re.size());
        std::vector<Line> work_im(re.size());
        const std::vector<float> input = normals(static_cast<Size>(2 * n_values), 1.0);
        for (std::size_t k = 0; k < n_values; ++k) {
            re[k / Fft::lanes].values[k % Fft::lanes] = input[k];
            im[k / Fft::lanes].values[k % Fft::lanes] = input[n_values + k];
        }
        fft.transform(re[0].values, im[0].values, work_re[0].values, work_im[0].values);
        for (Size out = 0; out < length; ++out) {
            std::complex<double> expected = 0;
            for (Size in = 0; in < length; ++in) {
                const auto at = static_cast<std::size_t>(in * Fft::lanes + 5);
                const double angle =
                    -2.0 * std::numbers::pi * static_cast<double>(in * out) / static_cast<double>(length);
                expected += std::complex<double>(input[at], input[n_values + at]) * std::polar(1.0, angle);
            }
            CHECK_NEAR(re[static_cast<std::size_t>(out)].values[5], expected.real(), 1e-4);
            CHECK_NEAR(im[static_cast<std::size_t>(out)].values[5], expected.imag(), 1e-4);
        }
    }
    CHECK(Fft::good_length(299) == 300);
    CHECK(Fft::good_length(301) == 320);
}

TEST("the repulsion on a grid is near that of all pairs") {
    for (const double scale : {1e-4, 1.0, 5.0, 20.0}) {
        const std::vector<float> points = normals(4000, scale);
        const DenseView<const float> layout(points.data(), 2000, 2);
        std::vector<float> exact(4000);
        std::vector<float> grid(4000);
        const double sum = make_exact_repulsion(Threads{2})->compute(layout, DenseView<float>(exact.data(), 2000, 2));
        const double near = make_grid_repulsion(Threads{2})->compute(layout, DenseView<float>(grid.data(), 2000, 2));
        CHECK_NEAR(near / sum, 1.0, 1e-2);
        double error = 0;
        double size = 0;
        for (std::size_t k = 0; k < exact.size(); ++k) {
            error += std::pow(static_cast<double>(grid[k] - exact[k]), 2);
            size += std::pow(static_cast<double>(exact[k]), 2);
        }
        CHECK(error < 1e-3 * size);
    }
}

TEST("affinities have the perplexity asked for, and are symmetric and sum to one") {
    std::vector<float> distances = normals(5 * 90, 1.0);
    for (float& distance : distances) distance = std::abs(distance) + 1;
    const DenseView<float> rows(distances.data(), 5, 90);
    perplexity_affinities(rows, 30, Threads{1});
    for (Size row = 0; row < 5; ++row) {
        double entropy = 0;
        for (const float p : rows.row(row)) {
            if (p > 0) entropy -= static_cast<double>(p) * std::log(static_cast<double>(p));
        }
        CHECK_NEAR(std::exp(entropy), 30.0, 1e-2);
    }

    const Graph<float> pairs = ring_affinities(40, 9, 3);
    CHECK(pairs.neighbors.size() == 40 * 18);
    CHECK_NEAR(std::accumulate(pairs.weights.begin(), pairs.weights.end(), 0.0), 1.0, 1e-5);
    CHECK_THROWS(InvalidInput, perplexity_affinities(rows, 91, Threads{1}));
}

TEST("t-SNE gives the same bytes at any thread count") {
    for (const Size max_exact : {100, 5000}) {
        const Graph<float> pairs = ring_affinities(1000, 30, 10);
        const auto run = [&](int threads) {
            std::vector<float> layout = normals(2000, 1e-4);
            const TsneOptions options{
                .n_iterations = 12, .n_exaggerated = 6, .learning_rate = 5, .max_exact = max_exact};
            const double divergence =
                optimize_tsne(pairs.view(), options, DenseView<float>(layout.data(), 1000, 2), Threads{threads});
            CHECK(std::isfinite(divergence));
            return layout;
        };
        const auto one = run(1);
        for (const int threads : {2, 3, 8}) CHECK(run(threads) == one);
    }
}
