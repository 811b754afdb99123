#include "embed/umap.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/finite.hpp"
#include "core/monitor.hpp"
#include "core/random.hpp"

namespace cellweave {

namespace {

constexpr Grain vertices_per_chunk{512};
/// Pairs whose forces are computed together, from one position of the vertex: one or two SIMD registers.
constexpr int lanes = 8;
/// umap-learn's bound on each coordinate of a push.
constexpr float max_push = 4.0F;

/// Which edges pull in which epoch: one of relative weight w does when the whole part of epoch x w grows. Kept as a
/// 32-bit fraction whose multiples wrap around exactly then.
class Schedule {
public:
    Schedule(const NeighborGraph& graph, Threads threads) : rates_(graph.weights.size()) {
        parallel_for(graph.n_edges(), Grain{1 << 16}, threads, [&](Range edges) {
            for (const Size edge : edges) {
                const auto k = static_cast<std::size_t>(edge);
                const double steps = std::ceil(static_cast<double>(graph.weights[k]) * 0x1.0p32) - 1.0;
                rates_[k] = static_cast<std::uint32_t>(std::clamp(steps, 0.0, 0x1.0p32 - 1.0));
            }
        });
    }

    /// Writes the targets of the edges of `vertex` that pull in this epoch; returns how many.
    Size due(const NeighborGraph& graph, Size vertex, std::uint32_t epoch, std::uint32_t* targets) const {
        Size n_due = 0;
        const Size end = graph.end(vertex);
        for (Size edge = graph.begin(vertex); edge < end; ++edge) {
            const auto k = static_cast<std::size_t>(edge);
            targets[n_due] = graph.targets[k];
            n_due += epoch * (rates_[k] + 1U) <= rates_[k] ? 1 : 0;
        }
        return n_due;
    }

private:
    std::vector<std::uint32_t> rates_;
};

/// Writes `n` random vertices other than `vertex`; a function of (seed, epoch, vertex, draw).
void draw_strangers(const Random& epoch, Size vertex, Size n_vertices, Size n, std::uint32_t* strangers) {
    const std::uint64_t key = epoch.bits(static_cast<std::uint64_t>(vertex));
    const auto low = static_cast<std::uint32_t>(key);
    const auto high = static_cast<std::uint32_t>(key >> 32);
    const auto own = static_cast<std::uint32_t>(vertex);
    const auto n_others = static_cast<std::uint32_t>(n_vertices - 1);
    for (Size draw = 0; draw < n; ++draw) {
        // Two multiply-and-shift rounds in 32 bits (constants: Wellons' lowbias32), so that a SIMD lane draws one each.
        std::uint32_t h = static_cast<std::uint32_t>(draw) * 0x9e3779b9U + low;
        h = (h ^ (h >> 16)) * 0x7feb352dU;
        h = ((h ^ (h >> 15)) + high) * 0x846ca68bU;
        h ^= h >> 16;
        const auto k = static_cast<std::uint32_t>((static_cast<std::uint64_t>(h) * n_others) >> 32);
        strangers[draw] = k + (k >= own ? 1U : 0U);
    }
}

/// The coordinates of some vertices, one array a dimension. All are fetched before any is used: the fetches overlap,
/// and the vector loads that follow find them in the cache.
class Fetched {
public:
    explicit Fetched(Size n_dims) : n_dims_(n_dims) {}

    void reserve(Size n) {
        if (n <= capacity_) return;
        capacity_ = 2 * n;
        ids_.resize(static_cast<std::size_t>(capacity_));
        values_.resize(static_cast<std::size_t>(capacity_ * n_dims_));
    }
    std::uint32_t* ids() { return ids_.data(); }
    const float* coordinates(Size d) const { return values_.data() + d * capacity_; }

    template <int fixed_dims>
    void fetch(DenseView<const float> layout, Size n) {
        const Size n_dims = fixed_dims > 0 ? fixed_dims : n_dims_;
        float* const values = values_.data();
        const std::uint32_t* const ids = ids_.data();
        for (Size k = 0; k < n; ++k) {
            const float* const row = layout.data() + static_cast<Size>(ids[k]) * n_dims;
            for (Size d = 0; d < n_dims; ++d) values[d * capacity_ + k] = row[d];
        }
    }

private:
    Size n_dims_;
    Size capacity_ = 0;
    std::vector<std::uint32_t> ids_;
    std::vector<float> values_;
};

Size padded(Size n) {
    return (n + lanes - 1) / lanes * lanes;
}

using Lanes = Eigen::Array<float, lanes, 1>;

/// Moves vertices through one epoch. `fixed_dims` is the number of dimensions, or 0 where only the run time knows it.
template <int fixed_dims>
class Mover {
public:
    Mover(const UmapOptions& options, float alpha, Size n_dims)
        : a_(static_cast<float>(options.a)),
          b_(static_cast<float>(options.b)),
          pull_(2.0F * a_ * b_ * alpha),
          push_(2.0F * static_cast<float>(options.gamma) * b_),
          alpha_(alpha),
          n_dims_(n_dims) {}

    /// The first `n` of `lanes` edges pull, one after the other, as strongly as from the position before them all.
    void pull(float* position, const Fetched& others, Size first, Size n) const {
        const Lanes squared = squared_distances(position, others, first).max(least_squared);
        const Lanes power = (b_ * squared.log()).exp();
        const Lanes step = (pull_ * power / (squared * (1.0F + a_ * power))).min(0.5F);
        // umap-learn moves both ends by `step` of their distance, twice: this is our end's part of the sum.
        const Lanes share = 2.0F * step * (1.0F - step);
        for (Size d = 0; d < n_dims(); ++d) {
            const float* const theirs = others.coordinates(d) + first;
            float own = position[d];
            for (Size lane = 0; lane < n; ++lane) own += share[lane] * (theirs[lane] - own);
            position[d] = own;
        }
    }

    /// The first `n` of `lanes` strangers push, all at once.
    void push(float* position, const Fetched& others, Size first, Size n) const {
        const Lanes squared = squared_distances(position, others, first);
        const Lanes power = (b_ * squared.max(least_squared).log()).exp();
        Lanes strength = push_ / ((0.001F + squared) * (1.0F + a_ * power));
        for (Size lane = n; lane < lanes; ++lane) strength[lane] = 0;
        for (Size d = 0; d < n_dims(); ++d) {
            const Lanes pushes =
                (strength * (position[d] - coordinates(others, d, first))).min(max_push).max(-max_push);
            position[d] += alpha_ * pushes.sum();
        }
    }

private:
    /// Keeps logarithms finite where two cells coincide; the difference of 0 makes their force vanish.
    static constexpr float least_squared = 1e-12F;

    Size n_dims() const { return fixed_dims > 0 ? fixed_dims : n_dims_; }

    static Eigen::Map<const Lanes> coordinates(const Fetched& others, Size d, Size first) {
        return Eigen::Map<const Lanes>(others.coordinates(d) + first);
    }

    Lanes squared_distances(const float* position, const Fetched& others, Size first) const {
        Lanes squared = (position[0] - coordinates(others, 0, first)).square();
        for (Size d = 1; d < n_dims(); ++d) squared += (position[d] - coordinates(others, d, first)).square();
        return squared;
    }

    float a_;
    float b_;
    float pull_;
    float push_;
    float alpha_;
    Size n_dims_;
};

template <int fixed_dims>
void run_epoch(const NeighborGraph& graph, const Schedule& schedule, const UmapOptions& options, int epoch,
               DenseView<const float> before, DenseView<float> after, Threads threads) {
    const Size n = graph.n_vertices();
    const auto alpha = static_cast<float>(options.alpha * (1.0 - static_cast<double>(epoch - 1) / options.n_epochs));
    const Random random(options.seed, static_cast<std::uint64_t>(epoch));
    const Size rate = n > 1 ? options.negative_sample_rate : 0;
    parallel_for(n, vertices_per_chunk, threads, [&](Range vertices) {
        Mover<fixed_dims> mover(options, alpha, before.n_cols());
        Fetched neighbours(before.n_cols());
        Fetched strangers(before.n_cols());
        for (const Size vertex : vertices) {
            neighbours.reserve(graph.degree(vertex) + lanes);
            const Size n_due = schedule.due(graph, vertex, static_cast<std::uint32_t>(epoch), neighbours.ids());
            neighbours.template fetch<fixed_dims>(before, n_due);
            const Size n_strangers = padded(n_due * rate);
            strangers.reserve(n_strangers);
            draw_strangers(random, vertex, n, n_strangers, strangers.ids());
            strangers.template fetch<fixed_dims>(before, n_strangers);

            float* const position = after.row_data(vertex);
            std::copy_n(before.row_data(vertex), before.n_cols(), position);
            for (Size first = 0; first < n_due; first += lanes) {
                const Size n_pulls = std::min<Size>(lanes, n_due - first);
                const Size n_before = n_pulls / 2;
                mover.pull(position, neighbours, first, n_before);
                const Size end = (first + n_pulls) * rate;
                for (Size next = first * rate; next < end; next += lanes) {
                    mover.push(position, strangers, next, std::min<Size>(lanes, end - next));
                }
                // In umap-learn half of the pulls follow any push. Were all of them before it, the others would see
                // the vertex where its last pushes threw it: layouts of a thousand cells, where a stranger often is
                // near, showed it.
                mover.pull(position, neighbours, first + n_before, n_pulls - n_before);
            }
        }
    });
}

void check(const NeighborGraph& graph, const UmapOptions& options, DenseView<const float> layout, Threads threads) {
    const auto positive = [](double value) { return std::isfinite(value) && value > 0; };
    require(layout.n_rows() == graph.n_vertices(), "init_pos has " + std::to_string(layout.n_rows()) +
                                                       " rows, expected " + std::to_string(graph.n_vertices()) +
                                                       ", one per cell.");
    require(layout.n_cols() >= 1, "n_components must be at least 1.");
    require(options.n_epochs >= 0, "maxiter must not be negative.");
    require(options.negative_sample_rate >= 0, "negative_sample_rate must not be negative.");
    require(positive(options.a) && positive(options.b), "a and b must be finite and positive.");
    require(positive(options.alpha), "alpha must be finite and positive.");
    require(std::isfinite(options.gamma) && options.gamma >= 0, "gamma must be finite and not negative.");
    require(layout.row_stride() == layout.n_cols(), "the layout must be contiguous.");
    const std::span<const float> values(layout.data(), static_cast<std::size_t>(layout.n_rows() * layout.n_cols()));
    require(all_finite(values, threads), "init_pos holds NaN or infinite values.");
}

template <int fixed_dims>
void run_epochs(const NeighborGraph& graph, const UmapOptions& options, DenseView<float> layout, Threads threads) {
    const Schedule schedule(graph, threads);
    std::vector<float> other(layout.data(), layout.data() + layout.n_rows() * layout.n_cols());
    const DenseView<float> scratch(other.data(), layout.n_rows(), layout.n_cols());
    const int n_runs = std::max(options.n_epochs - 1, 0);
    Progress progress("UMAP epochs", n_runs);
    for (int epoch = 1; epoch <= n_runs; ++epoch) {
        const bool forth = epoch % 2 == 1;
        run_epoch<fixed_dims>(graph, schedule, options, epoch, forth ? layout : scratch, forth ? scratch : layout,
                              threads);
        progress.advance();
    }
    if (n_runs % 2 == 1) std::copy(other.begin(), other.end(), layout.data());
}

}  // namespace

void optimize_umap(const NeighborGraph& graph, const UmapOptions& options, DenseView<float> layout, Threads threads) {
    check(graph, options, layout, threads);
    switch (layout.n_cols()) {
        case 1:
            return run_epochs<1>(graph, options, layout, threads);
        case 2:
            return run_epochs<2>(graph, options, layout, threads);
        case 3:
            return run_epochs<3>(graph, options, layout, threads);
        default:
            return run_epochs<0>(graph, options, layout, threads);
    }
}

}  // namespace cellweave
