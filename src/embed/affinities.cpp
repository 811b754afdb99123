#include "embed/affinities.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "core/error.hpp"
#include "core/monitor.hpp"

namespace cellweave {

namespace {

constexpr int max_bisections = 64;
constexpr double entropy_tolerance = 1e-5;

/// Fills `weights` with exp(-beta (squared - nearest)); returns the entropy of the row, in nats.
double entropy(std::span<const double> squared, double beta, std::span<double> weights) {
    double total = 0;
    double weighted = 0;
    for (std::size_t k = 0; k < squared.size(); ++k) {
        const double excess = squared[k] - squared[0];
        weights[k] = std::exp(-beta * excess);
        total += weights[k];
        weighted += weights[k] * excess;
    }
    for (double& weight : weights) weight /= total;
    return std::log(total) + beta * weighted / total;
}

void calibrate_row(std::span<float> row, double wanted, std::vector<double>& squared, std::vector<double>& weights) {
    double nearest = static_cast<double>(row[0]);
    for (const float distance : row) nearest = std::min(nearest, static_cast<double>(distance));
    double mean_excess = 0;
    for (std::size_t k = 0; k < row.size(); ++k) {
        squared[k] = static_cast<double>(row[k]) * static_cast<double>(row[k]);
        mean_excess += squared[k] - nearest * nearest;
    }
    mean_excess /= static_cast<double>(row.size());
    // The exponents are taken relative to the nearest neighbour: put it first for entropy().
    const auto first = std::min_element(squared.begin(), squared.end());
    const auto at_front = static_cast<std::size_t>(first - squared.begin());
    std::swap(squared[0], squared[at_front]);

    double beta = mean_excess > 0 ? 1.0 / mean_excess : 1.0;
    double low = 0;
    double high = std::numeric_limits<double>::infinity();
    for (int step = 0; step < max_bisections; ++step) {
        const double excess = entropy(squared, beta, weights) - wanted;
        if (std::abs(excess) < entropy_tolerance) break;
        (excess > 0 ? low : high) = beta;
        beta = std::isinf(high) ? 2 * beta : 0.5 * (low + high);
    }
    std::swap(weights[0], weights[at_front]);
    for (std::size_t k = 0; k < row.size(); ++k) row[k] = static_cast<float>(weights[k]);
}

/// Sorts edges [begin, end) by neighbour and merges those to the same one; returns the new end.
Size merge_edges(Graph<float>& graph, Size begin, Size end, std::vector<std::pair<Vertex, float>>& row) {
    row.clear();
    for (auto k = static_cast<std::size_t>(begin); k < static_cast<std::size_t>(end); ++k) {
        row.emplace_back(graph.neighbors[k], graph.weights[k]);
    }
    std::sort(row.begin(), row.end());
    auto kept = static_cast<std::size_t>(begin);
    for (const auto& [neighbor, weight] : row) {
        if (kept > static_cast<std::size_t>(begin) && graph.neighbors[kept - 1] == neighbor) {
            graph.weights[kept - 1] += weight;
            continue;
        }
        graph.neighbors[kept] = neighbor;
        graph.weights[kept++] = weight;
    }
    return static_cast<Size>(kept);
}

}  // namespace

void perplexity_affinities(DenseView<float> distances, double perplexity, Threads threads) {
    const Size n_neighbors = distances.n_cols();
    require(perplexity > 1 && perplexity <= static_cast<double>(n_neighbors),
            "perplexity must be above 1 and at most the number of neighbours, " + std::to_string(n_neighbors) +
                "; found " + std::to_string(perplexity) + ".");
    Progress progress("t-SNE affinities", distances.n_rows());
    const Grain grain{std::max<Size>(1, 20000 / n_neighbors)};
    parallel_for(distances.n_rows(), grain, threads, [&](Range points) {
        std::vector<double> squared(static_cast<std::size_t>(n_neighbors));
        std::vector<double> weights(squared.size());
        for (const Size point : points) {
            for (const float distance : distances.row(point)) {
                require(std::isfinite(distance) && distance >= 0,
                        "distances to the neighbours must be finite and not negative.");
            }
            calibrate_row(distances.row(point), std::log(perplexity), squared, weights);
        }
        progress.advance(points.size());
    });
}

Graph<float> joint_affinities(DenseView<const std::int32_t> neighbors, DenseView<const float> probabilities,
                              Threads threads) {
    const Size n = neighbors.n_rows();
    const Size n_neighbors = neighbors.n_cols();
    Graph<float> joint;
    std::vector<Size>& offsets = joint.offsets;
    offsets.assign(static_cast<std::size_t>(n) + 1, n_neighbors);
    offsets[0] = 0;
    for (Size point = 0; point < n; ++point) {
        Monitor::poll();
        for (const std::int32_t other : neighbors.row(point)) {
            require(other >= 0 && other < n && other != point, "neighbours must be other points of the same data.");
            ++offsets[static_cast<std::size_t>(other) + 1];
        }
    }
    joint.make_room();

    std::vector<Size> next(offsets.begin(), offsets.end() - 1);
    const float scale = 0.5F / static_cast<float>(n);
    const auto append = [&](Size point, Size neighbor, float weight) {
        const auto slot = static_cast<std::size_t>(next[static_cast<std::size_t>(point)]++);
        joint.neighbors[slot] = static_cast<Vertex>(neighbor);
        joint.weights[slot] = weight;
    };
    for (Size point = 0; point < n; ++point) {
        Monitor::poll();
        for (Size k = 0; k < n_neighbors; ++k) {
            const float half = scale * probabilities(point, k);
            append(point, neighbors(point, k), half);
            append(neighbors(point, k), point, half);
        }
    }

    std::vector<Size> merged_end(static_cast<std::size_t>(n));
    parallel_for(n, Grain{std::max<Size>(1, 20000 / n_neighbors)}, threads, [&](Range points) {
        std::vector<std::pair<Vertex, float>> row;
        for (const Size point : points) {
            const auto k = static_cast<std::size_t>(point);
            merged_end[k] = merge_edges(joint, offsets[k], offsets[k + 1], row);
        }
    });
    Size kept = 0;
    for (std::size_t point = 0; point < static_cast<std::size_t>(n); ++point) {
        const Size begin = offsets[point];
        const Size end = merged_end[point];
        offsets[point] = kept;
        std::copy(joint.neighbors.begin() + begin, joint.neighbors.begin() + end, joint.neighbors.begin() + kept);
        std::copy(joint.weights.begin() + begin, joint.weights.begin() + end, joint.weights.begin() + kept);
        kept += end - begin;
    }
    offsets.back() = kept;
    joint.neighbors.resize(static_cast<std::size_t>(kept));
    joint.weights.resize(static_cast<std::size_t>(kept));
    return joint;
}

}  // namespace cellweave
