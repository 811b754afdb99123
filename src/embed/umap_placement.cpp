#include "embed/umap_placement.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/monitor.hpp"
#include "core/random.hpp"
#include "embed/umap_forces.hpp"

namespace cellweave {

namespace {

constexpr Grain vertices_per_chunk{64};

/// An edge, and the epochs of its next pull and its next push.
struct Edge {
    Size neighbor;
    double epochs_a_pull;
    double next_pull;
    double next_push;
};

/// One new vertex on its way.
class Mover {
public:
    Mover(DenseView<const float> reference, const UmapOptions& options, std::span<float> position, std::uint64_t vertex)
        : reference_(reference),
          options_(options),
          forces_(options),
          position_(position),
          random_(options.seed, vertex) {}

    void run(std::span<Edge> edges) {
        for (int epoch = 0; epoch < options_.n_epochs; ++epoch) {
            const double rest = 1.0 - static_cast<double>(std::max(epoch - 1, 0)) / options_.n_epochs;
            alpha_ = static_cast<float>(options_.alpha * rest);
            for (Edge& edge : edges) {
                if (edge.next_pull > epoch) continue;
                pull(edge.neighbor);
                edge.next_pull += edge.epochs_a_pull;
                if (options_.negative_sample_rate == 0) continue;
                const double epochs_a_push = edge.epochs_a_pull / options_.negative_sample_rate;
                const int n_pushes = static_cast<int>((epoch - edge.next_push) / epochs_a_push);
                for (int k = 0; k < n_pushes; ++k) push();
                edge.next_push += n_pushes * epochs_a_push;
            }
        }
    }

private:
    void pull(Size neighbor) {
        const float squared = squared_distance(neighbor);
        if (squared > 0) move(neighbor, -forces_.attraction(bounded(squared)));
    }

    /// By a random vertex of the reference.
    void push() {
        const auto n_vertices = static_cast<std::uint32_t>(reference_.n_rows());
        const auto stranger = static_cast<Size>(random_.below(n_drawn_++, n_vertices));
        const float squared = squared_distance(stranger);
        if (squared > 0) move(stranger, forces_.repulsion(bounded(squared)));
    }

    static float bounded(float squared) {
        return std::clamp(squared, UmapForces::least_squared, UmapForces::most_squared);
    }

    float squared_distance(Size other) const {
        const float* const theirs = reference_.row_data(other);
        float sum = 0;
        for (std::size_t d = 0; d < position_.size(); ++d) {
            const float difference = position_[d] - theirs[d];
            sum += difference * difference;
        }
        return sum;
    }

    void move(Size other, float strength) {
        const float* const theirs = reference_.row_data(other);
        for (std::size_t d = 0; d < position_.size(); ++d)
            position_[d] += alpha_ * within(strength * (position_[d] - theirs[d]), UmapForces::largest);
    }

    DenseView<const float> reference_;
    const UmapOptions& options_;
    UmapForces forces_;
    std::span<float> position_;
    Random random_;
    std::uint64_t n_drawn_ = 0;
    float alpha_ = 0;
};

void check(DenseView<const std::int32_t> neighbors, DenseView<const float> weights, DenseView<const float> reference,
           DenseView<const float> layout) {
    require(neighbors.n_rows() == weights.n_rows() && neighbors.n_cols() == weights.n_cols(),
            "neighbors and weights differ in shape.");
    require(layout.n_rows() == neighbors.n_rows(), "the start needs a row for each new cell.");
    require(layout.n_cols() == reference.n_cols(), "the start and the reference's layout differ in dimensions.");
    for (Size row = 0; row < neighbors.n_rows(); ++row)
        for (const std::int32_t neighbor : neighbors.row(row))
            require(neighbor >= 0 && neighbor < reference.n_rows(), [&] {
                return "neighbor " + std::to_string(neighbor) + " of new cell " + std::to_string(row) +
                       " is no row of the reference.";
            });
}

}  // namespace

void place_by_umap(DenseView<const std::int32_t> neighbors, DenseView<const float> weights,
                   DenseView<const float> reference, const UmapOptions& options, DenseView<float> layout,
                   Threads threads) {
    check_options(options);
    check(neighbors, weights, reference, DenseView<const float>(layout));
    float largest = 0;
    for (Size row = 0; row < weights.n_rows(); ++row)
        for (const float weight : weights.row(row)) largest = std::max(largest, weight);
    Progress progress("UMAP of new cells", layout.n_rows());
    parallel_for(layout.n_rows(), vertices_per_chunk, threads, [&](Range vertices) {
        std::vector<Edge> edges;
        for (const Size vertex : vertices) {
            edges.clear();
            for (Size k = 0; k < neighbors.n_cols(); ++k) {
                const double share = static_cast<double>(weights(vertex, k)) / static_cast<double>(largest);
                if (!(share * options.n_epochs >= 1.0)) continue;  // no epoch would sample it
                const double every = 1.0 / share;
                edges.push_back(
                    {neighbors(vertex, k), every, every, every / std::max(options.negative_sample_rate, 1)});
            }
            Mover(reference, options, layout.row(vertex), static_cast<std::uint64_t>(vertex)).run(edges);
        }
        progress.advance(vertices.size());
    });
}

}  // namespace cellweave
