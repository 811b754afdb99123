#include "embed/tsne.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/finite.hpp"
#include "core/monitor.hpp"
#include "embed/repulsion.hpp"

namespace cellweave {

namespace {

constexpr Grain points_per_chunk{256};
constexpr float least_gain = 0.01F;
/// openTSNE's bound on the length of a step: keeps points from shooting off.
constexpr float max_step = 5.0F;

/// sum_j P_ij (y_i - y_j) / (1 + d_ij^2) for every point.
void attract(GraphView<float> affinities, DenseView<const float> layout, DenseView<float> forces, Threads threads) {
    constexpr Size lanes = 8;
    parallel_for(affinities.n_vertices(), points_per_chunk, threads, [&](Range points) {
        const float* const positions = layout.data();
        for (const Size point : points) {
            const float x = layout(point, 0);
            const float y = layout(point, 1);
            float sum_x[lanes] = {};
            float sum_y[lanes] = {};
            const Size end = affinities.end(point);
            const auto add = [&](Size k, Size lane) {
                const Size other = affinities.neighbor(k);
                const float dx = x - positions[2 * other];
                const float dy = y - positions[2 * other + 1];
                const float pull = affinities.weight(k) / (1.0F + dx * dx + dy * dy);
                sum_x[lane] += pull * dx;
                sum_y[lane] += pull * dy;
            };
            Size k = affinities.begin(point);
            for (; k + lanes <= end; k += lanes) {
#pragma omp simd
                for (Size lane = 0; lane < lanes; ++lane) add(k + lane, lane);
            }
            for (Size lane = 0; k < end; ++k, ++lane) add(k, lane);
            forces(point, 0) =
                ((sum_x[0] + sum_x[4]) + (sum_x[1] + sum_x[5])) + ((sum_x[2] + sum_x[6]) + (sum_x[3] + sum_x[7]));
            forces(point, 1) =
                ((sum_y[0] + sum_y[4]) + (sum_y[1] + sum_y[5])) + ((sum_y[2] + sum_y[6]) + (sum_y[3] + sum_y[7]));
        }
    });
}

/// Momentum and a gain for every coordinate (Jacobs 1988). As in openTSNE both go on after the early exaggeration, and
/// a gain falls to five times least_gain at least: starting anew, and letting it fall further, ends at a higher
/// divergence.
class Descent {
public:
    Descent(DenseView<float> layout, Threads threads)
        : layout_(layout),
          threads_(threads),
          gains_(static_cast<std::size_t>(layout.n_rows() * 2), 1.0F),
          steps_(gains_.size(), 0.0F) {}

    void step(DenseView<const float> attraction, DenseView<const float> repulsion, float attraction_factor,
              float repulsion_factor, float learning_rate, float momentum) {
        const Size n = layout_.n_rows();
        parallel_for(n, Grain{4096}, threads_, [&](Range points) {
            for (const Size point : points) {
                float length = 0;
                for (Size d = 0; d < 2; ++d) {
                    const auto k = static_cast<std::size_t>(2 * point + d);
                    const float gradient =
                        attraction_factor * attraction(point, d) - repulsion_factor * repulsion(point, d);
                    gains_[k] = steps_[k] * gradient < 0 ? gains_[k] + 0.2F : gains_[k] * 0.8F + least_gain;
                    steps_[k] = momentum * steps_[k] - learning_rate * gains_[k] * gradient;
                    length += steps_[k] * steps_[k];
                }
                const float shrink = length > max_step * max_step ? max_step / std::sqrt(length) : 1.0F;
                for (Size d = 0; d < 2; ++d) {
                    steps_[static_cast<std::size_t>(2 * point + d)] *= shrink;
                    layout_(point, d) += steps_[static_cast<std::size_t>(2 * point + d)];
                }
            }
        });
        centre();
    }

private:
    void centre() {
        double mean_x = 0;
        double mean_y = 0;
        const Size n = layout_.n_rows();
        for (Size point = 0; point < n; ++point) {
            mean_x += static_cast<double>(layout_(point, 0));
            mean_y += static_cast<double>(layout_(point, 1));
        }
        const auto shift_x = static_cast<float>(mean_x / static_cast<double>(n));
        const auto shift_y = static_cast<float>(mean_y / static_cast<double>(n));
        for (Size point = 0; point < n; ++point) {
            layout_(point, 0) -= shift_x;
            layout_(point, 1) -= shift_y;
        }
    }

    DenseView<float> layout_;
    Threads threads_;
    std::vector<float> gains_;
    std::vector<float> steps_;
};

/// sum P log(P / Q) for P that sum to 1.
double divergence(GraphView<float> affinities, DenseView<const float> layout, double normalizer, Threads threads) {
    const double sum = parallel_reduce(
        affinities.n_vertices(), points_per_chunk, threads,
        [&](Range points) {
            double part = 0;
            for (const Size point : points) {
                for (Size k = affinities.begin(point); k < affinities.end(point); ++k) {
                    const auto p = static_cast<double>(affinities.weight(k));
                    if (p <= 0) continue;
                    const Size other = affinities.neighbor(k);
                    const auto dx = static_cast<double>(layout(point, 0) - layout(other, 0));
                    const auto dy = static_cast<double>(layout(point, 1) - layout(other, 1));
                    part += p * std::log(p * (1.0 + dx * dx + dy * dy));
                }
            }
            return part;
        },
        [](double& total, double&& part) { total += part; });
    return sum + std::log(normalizer);
}

void check(GraphView<float> affinities, const TsneOptions& options, DenseView<const float> layout, Threads threads) {
    require(layout.n_rows() == affinities.n_vertices() && layout.n_cols() == 2,
            "the start must have one row per cell and two columns.");
    require(layout.n_rows() >= 2, "t-SNE needs at least two cells.");
    require(layout.row_stride() == 2, "the layout must be contiguous.");
    require(options.n_iterations >= 0 && options.n_exaggerated >= 0, "numbers of iterations must not be negative.");
    require(std::isfinite(options.exaggeration) && options.exaggeration >= 1,
            "early_exaggeration must be finite and at least 1.");
    require(std::isfinite(options.learning_rate) && options.learning_rate >= 0,
            "learning_rate must be finite and positive, or 'auto'.");
    const std::span<const float> values(layout.data(), static_cast<std::size_t>(2 * layout.n_rows()));
    require(all_finite(values, threads), "the start holds NaN or infinite values.");
}

}  // namespace

double optimize_tsne(GraphView<float> affinities, const TsneOptions& options, DenseView<float> layout,
                     Threads threads) {
    check(affinities, options, layout, threads);
    const Size n = layout.n_rows();
    const auto repulsion = n <= options.max_exact ? make_exact_repulsion(threads) : make_grid_repulsion(threads);
    std::vector<float> attraction_values(static_cast<std::size_t>(2 * n));
    std::vector<float> repulsion_values(attraction_values.size());
    const DenseView<float> attraction(attraction_values.data(), n, 2);
    const DenseView<float> repelled(repulsion_values.data(), n, 2);
    Descent descent(layout, threads);
    Progress progress("t-SNE steps", options.n_iterations);
    for (int iteration = 0; iteration < options.n_iterations; ++iteration) {
        const bool early = iteration < options.n_exaggerated;
        const double exaggeration = early ? options.exaggeration : 1.0;
        const double automatic = std::max(static_cast<double>(n) / (4 * exaggeration), 50.0);
        const double rate = options.learning_rate > 0 ? options.learning_rate : automatic;
        attract(affinities, layout, attraction, threads);
        const double normalizer = std::max(repulsion->compute(layout, repelled), std::numeric_limits<double>::min());
        descent.step(attraction, repelled, static_cast<float>(4 * exaggeration), static_cast<float>(4 / normalizer),
                     static_cast<float>(rate), early ? 0.5F : 0.8F);
        progress.advance();
    }
    const double normalizer = std::max(repulsion->compute(layout, repelled), std::numeric_limits<double>::min());
    return divergence(affinities, layout, normalizer, threads);
}

}  // namespace cellweave
