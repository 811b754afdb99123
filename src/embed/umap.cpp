#include "embed/umap.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/finite.hpp"
#include "core/monitor.hpp"
#include "core/random.hpp"
#include "embed/umap_forces.hpp"
#include "embed/umap_schedule.hpp"

namespace cellweave {

namespace {

constexpr Grain vertices_per_chunk{512};
/// Vertices moved side by side. A force is a long chain of operations on the one before it; those of other vertices
/// fill the time, and no vertex waits for a sum over lanes of a register.
constexpr Size lanes = 16;
/// Pulls of each lane whose partners are fetched together: few enough for their positions to stay in the nearest cache.
constexpr Size pulls_per_slice = 8;

/// Moves `lanes` vertices through one turn. `fixed_dims` is the number of dimensions, or 0 where only the run time
/// knows it.
template <int fixed_dims>
class Group {
public:
    Group(const UmapOptions& options, const Random& random, float alpha, DenseView<const float> seen)
        : forces_(options, alpha),
          alpha_(alpha),
          rate_(seen.n_rows() > 1 ? options.negative_sample_rate : 0),
          random_(random),
          seen_(seen),
          partners_(static_cast<std::size_t>(pulls_per_slice * (1 + rate_) * lanes)),
          coordinates_(partners_.size() * static_cast<std::size_t>(n_dims())),
          squared_(static_cast<std::size_t>(std::max<Size>(rate_, pulls_per_slice) * lanes)),
          own_(static_cast<std::size_t>(n_dims() * lanes)),
          pulled_from_(own_.size()) {}

    /// @param lists      up to `lanes` of them, the longest first.
    /// @param positions  of which those of the vertices are replaced.
    /// @param shown      gets where others shall see them.
    void move(std::span<const DueEdges::List> lists, DenseView<float> positions, DenseView<float> shown) {
        enter(lists, positions);
        for (Size first = 0; first < lists[0].size; first += pulls_per_slice) {
            const Size n_pulls = std::min(pulls_per_slice, lists[0].size - first);
            choose_partners(lists, first, n_pulls);
            fetch(n_pulls);
            mark_turns(first, n_pulls);
            // In umap-learn half of the pulls follow any push. With all of them before it, or all after, layouts of a
            // trajectory (paul15) are less trustworthy.
            const Size n_early = n_pulls / 2;
            pull(0, n_early);
            for (Size k = 0; k < n_pulls; ++k) push(k);
            pull(n_early, n_pulls);
        }
        for (std::size_t lane = 0; lane < lists.size(); ++lane) {
            const auto vertex = static_cast<Size>(lists[lane].vertex);
            const auto n_pulls = static_cast<float>(lists[lane].size);
            for (Size d = 0; d < n_dims(); ++d) {
                positions(vertex, d) = own(d)[lane];
                shown(vertex, d) = lists[lane].size > 0 ? pulled_from(d)[lane] / n_pulls : own(d)[lane];
            }
        }
    }

private:
    Size n_dims() const { return fixed_dims > 0 ? fixed_dims : seen_.n_cols(); }
    float* own(Size d) { return own_.data() + d * lanes; }
    /// Sum of the positions from which the vertex was pulled.
    float* pulled_from(Size d) { return pulled_from_.data() + d * lanes; }
    /// Coordinates of the partners of every lane in pull k of the slice: the neighbour's, then rows of strangers'.
    const float* coordinates(Size d, Size k) const {
        return coordinates_.data() + d * stride() + k * (1 + rate_) * lanes;
    }
    /// From one dimension of the partners' coordinates to the next.
    Size stride() const { return static_cast<Size>(partners_.size()); }

    void enter(std::span<const DueEdges::List> lists, DenseView<const float> positions) {
        std::fill(pulled_from_.begin(), pulled_from_.end(), 0.0F);
        for (std::size_t lane = 0; lane < static_cast<std::size_t>(lanes); ++lane) {
            const bool is_used = lane < lists.size();
            const DueEdges::List& list = lists[is_used ? lane : 0];
            const std::uint64_t key = random_.bits(list.vertex);
            vertices_[lane] = list.vertex;
            n_due_[lane] = is_used ? static_cast<std::int32_t>(list.size) : 0;
            low_[lane] = static_cast<std::uint32_t>(key);
            high_[lane] = static_cast<std::uint32_t>(key >> 32);
            const float* const position = positions.row_data(static_cast<Size>(list.vertex));
            for (Size d = 0; d < n_dims(); ++d) own(d)[lane] = position[d];
        }
    }

    void choose_partners(std::span<const DueEdges::List> lists, Size first, Size n_pulls) {
        std::uint32_t* row = partners_.data();
        for (Size pull = first; pull < first + n_pulls; ++pull) {
            for (std::size_t lane = 0; lane < static_cast<std::size_t>(lanes); ++lane) {
                row[lane] = pull < n_due_[lane] ? lists[lane].targets[pull] : vertices_[lane];
            }
            row += lanes;
            for (Size draw = 0; draw < rate_; ++draw) {
                draw_strangers(static_cast<std::uint32_t>(pull * rate_ + draw), row);
                row += lanes;
            }
        }
    }

    /// Writes one random vertex a lane, never the lane's own; a function of (seed, turn, vertex, draw).
    void draw_strangers(std::uint32_t draw, std::uint32_t* __restrict strangers) const {
        const auto n_others = static_cast<std::uint32_t>(seen_.n_rows() - 1);
        const std::uint32_t step = draw * 0x9e3779b9U;
        for (Size lane = 0; lane < lanes; ++lane) {
            // Two multiply-and-shift rounds in 32 bits (constants: Wellons' lowbias32).
            std::uint32_t h = step + low_[lane];
            h = (h ^ (h >> 16)) * 0x7feb352dU;
            h = ((h ^ (h >> 15)) + high_[lane]) * 0x846ca68bU;
            h ^= h >> 16;
            const auto k = static_cast<std::uint32_t>((static_cast<std::uint64_t>(h) * n_others) >> 32);
            strangers[lane] = k + (k >= vertices_[lane] ? 1U : 0U);
        }
    }

    /// Reads the partners' positions, all before any is used: the reads overlap.
    void fetch(Size n_pulls) {
        const Size n = n_pulls * (1 + rate_) * lanes;
        const Size stride = this->stride();
        const std::uint32_t* const partners = partners_.data();
        float* const values = coordinates_.data();
        const float* const positions = seen_.data();
        for (Size k = 0; k < n; ++k) {
            const float* const position = positions + static_cast<Size>(partners[k]) * n_dims();
            for (Size d = 0; d < n_dims(); ++d) values[d * stride + k] = position[d];
        }
    }

    /// 1 for each lane that has pull k of the slice, 0 for the others.
    const float* turns(Size k) const { return turns_.data() + k * lanes; }

    void mark_turns(Size first, Size n_pulls) {
        for (Size k = 0; k < n_pulls; ++k) {
            for (Size lane = 0; lane < lanes; ++lane) {
                const bool has_turn = first + k < n_due_[static_cast<std::size_t>(lane)];
                turns_[static_cast<std::size_t>(k * lanes + lane)] = has_turn ? 1.0F : 0.0F;
            }
        }
    }

    /// Pulls `begin` to `end` - 1 of the slice, one after the other, as strongly as from the position before them all.
    void pull(Size begin, Size end) {
        for (Size k = begin; k < end; ++k) measure(k, 0, 1, k - begin);
        float* const shares = squared_.data();
        const float* const has_turn = turns(begin);
        for (Size pair = 0; pair < (end - begin) * lanes; ++pair) {
            const float step = at_most(forces_.attraction(shares[pair]), 0.5F) * has_turn[pair];
            // umap-learn moves both ends by `step` of their distance, twice: this is our end's part of the sum.
            shares[pair] = 2.0F * step * (1.0F - step);
        }
        for (Size k = begin; k < end; ++k) {
            const float* const share = shares + (k - begin) * lanes;
            for (Size d = 0; d < n_dims(); ++d) {
                const float* const theirs = coordinates(d, k);
                float* const __restrict position = own(d);
                float* const __restrict sum = pulled_from(d);
                const float* const is_pulled = turns(k);
                for (Size lane = 0; lane < lanes; ++lane) {
                    sum[lane] += is_pulled[lane] * position[lane];
                    position[lane] += share[lane] * (theirs[lane] - position[lane]);
                }
            }
        }
    }

    /// All strangers of this pull push, as from the position before them.
    void push(Size k) {
        measure(k, 1, rate_, 0);
        const float* const has_turn = turns(k);
        float* const strengths = squared_.data();
        for (Size pair = 0; pair < rate_ * lanes; ++pair) strengths[pair] = forces_.repulsion(strengths[pair]);
        for (Size d = 0; d < n_dims(); ++d) {
            const float* const position = own(d);
            std::array<float, lanes> sum{};
            for (Size draw = 0; draw < rate_; ++draw) {
                const float* const theirs = coordinates(d, k) + (1 + draw) * lanes;
                const float* const strength = strengths + draw * lanes;
                for (Size lane = 0; lane < lanes; ++lane) {
                    const float wanted = strength[lane] * (position[lane] - theirs[lane]);
                    sum[static_cast<std::size_t>(lane)] += within(wanted, UmapForces::largest);
                }
            }
            for (Size lane = 0; lane < lanes; ++lane) {
                own(d)[lane] += alpha_ * has_turn[lane] * sum[static_cast<std::size_t>(lane)];
            }
        }
    }

    /// Squared distances to `n_rows` rows of partners of pull k, bounded so that every power of them is finite; to row
    /// `to` of squared_ and the following.
    void measure(Size k, Size first_row, Size n_rows, Size to) {
        const Size stride = this->stride();
        for (Size row = 0; row < n_rows; ++row) {
            const float* const theirs = coordinates(0, k) + (first_row + row) * lanes;
            const float* const position = own(0);
            float* const __restrict squared = squared_.data() + (to + row) * lanes;
            for (Size lane = 0; lane < lanes; ++lane) {
                float sum = UmapForces::least_squared;
                for (Size d = 0; d < n_dims(); ++d) {
                    const float difference = position[d * lanes + lane] - theirs[d * stride + lane];
                    sum += difference * difference;
                }
                squared[lane] = at_most(sum, UmapForces::most_squared);
            }
        }
    }

    UmapForces forces_;
    float alpha_;
    Size rate_;
    Random random_;
    DenseView<const float> seen_;
    std::array<std::uint32_t, lanes> vertices_{};
    std::array<std::uint32_t, lanes> low_{};
    std::array<std::uint32_t, lanes> high_{};
    std::array<std::int32_t, lanes> n_due_{};
    std::array<float, static_cast<std::size_t>(pulls_per_slice* lanes)> turns_{};
    std::vector<std::uint32_t> partners_;
    std::vector<float> coordinates_;
    std::vector<float> squared_;
    std::vector<float> own_;
    std::vector<float> pulled_from_;
};

/// @param turn  counts through all epochs, from 1.
template <int fixed_dims>
void run_turn(GraphView<float> graph, const Schedule& schedule, const UmapOptions& options, float alpha, int turn,
              DenseView<float> positions, DenseView<const float> seen, DenseView<float> shown, Threads threads) {
    const Random random(options.seed, static_cast<std::uint64_t>(turn));
    parallel_for(graph.n_vertices(), vertices_per_chunk, threads, [&](Range vertices) {
        const DueEdges due(graph, schedule, vertices, static_cast<std::uint32_t>(turn));
        Group<fixed_dims> group(options, random, alpha, seen);
        const auto lists = due.lists();
        for (std::size_t first = 0; first < lists.size(); first += static_cast<std::size_t>(lanes)) {
            group.move(lists.subspan(first, std::min(static_cast<std::size_t>(lanes), lists.size() - first)), positions,
                       shown);
        }
    });
}

void check(GraphView<float> graph, DenseView<const float> layout, Threads threads) {
    require(layout.n_rows() == graph.n_vertices(), "init_pos has " + std::to_string(layout.n_rows()) +
                                                       " rows, expected " + std::to_string(graph.n_vertices()) +
                                                       ", one per cell.");
    require(layout.n_cols() >= 1, "n_components must be at least 1.");
    require(layout.row_stride() == layout.n_cols(), "the layout must be contiguous.");
    const std::span<const float> values(layout.data(), static_cast<std::size_t>(layout.n_rows() * layout.n_cols()));
    require(all_finite(values, threads), "init_pos holds NaN or infinite values.");
}

template <int fixed_dims>
void run_epochs(GraphView<float> graph, const UmapOptions& options, DenseView<float> layout, Threads threads) {
    const Schedule schedule(graph, threads);
    std::vector<float> seen(layout.data(), layout.data() + layout.n_rows() * layout.n_cols());
    std::vector<float> shown(seen.size());
    const auto as_rows = [&](std::vector<float>& values) {
        return DenseView<float>(values.data(), layout.n_rows(), layout.n_cols());
    };
    const int n_runs = std::max(options.n_epochs - 1, 0);
    Progress progress("UMAP epochs", n_runs);
    int turn = 0;
    for (int epoch = 0; epoch < n_runs; ++epoch) {
        const auto alpha = static_cast<float>(options.alpha * (1.0 - static_cast<double>(epoch) / options.n_epochs));
        for (const int last = turn + schedule.turns_per_epoch(); turn < last;) {
            run_turn<fixed_dims>(graph, schedule, options, alpha, ++turn, layout, as_rows(seen), as_rows(shown),
                                 threads);
            seen.swap(shown);
        }
        progress.advance();
    }
}

}  // namespace

void check_options(const UmapOptions& options) {
    const auto positive = [](double value) { return std::isfinite(value) && value > 0; };
    require(options.n_epochs >= 0, "maxiter must not be negative.");
    require(options.negative_sample_rate >= 0, "negative_sample_rate must not be negative.");
    require(positive(options.a) && positive(options.b), "a and b must be finite and positive.");
    require(positive(options.alpha), "alpha must be finite and positive.");
    require(std::isfinite(options.gamma) && options.gamma >= 0, "gamma must be finite and not negative.");
}

void optimize_umap(GraphView<float> graph, const UmapOptions& options, DenseView<float> layout, Threads threads) {
    check(graph, layout, threads);
    check_options(options);
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
