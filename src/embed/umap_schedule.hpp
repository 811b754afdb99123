#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "core/parallel.hpp"
#include "sparse/graph.hpp"

namespace cellweave {

/// Which edges pull when: one of relative weight w does in a share w of the epochs, in one of their turns. Kept as a
/// 32-bit fraction of a turn, whose multiples wrap around exactly then; edges of one weight begin at different
/// fractions.
class Schedule {
public:
    Schedule(GraphView<float> graph, Threads threads)
        : turns_per_epoch_(graph.n_vertices() <= two_turns_up_to ? 2 : 1),
          rates_(static_cast<std::size_t>(graph.n_edges())) {
        parallel_for(graph.n_edges(), Grain{1 << 16}, threads, [&](Range edges) {
            for (const Size edge : edges) {
                const double steps =
                    std::ceil(static_cast<double>(graph.weight(edge)) * 0x1.0p32 / turns_per_epoch_) - 1.0;
                rates_[static_cast<std::size_t>(edge)] =
                    static_cast<std::uint32_t>(std::clamp(steps, 0.0, 0x1.0p32 - 1.0));
            }
        });
    }

    /// Every vertex is moved in every turn and sees where the last turn showed the others. umap-learn moves one after
    /// the other; with one turn an epoch, the layouts of 14,000 cells (pbmc_8batch) differ more from seed to seed than
    /// its own, and are a little less trustworthy; those of 50,000 are not.
    int turns_per_epoch() const { return turns_per_epoch_; }

    /// Writes the targets of the edges of `vertex` that pull in this turn; returns how many.
    Size due(GraphView<float> graph, Size vertex, std::uint32_t turn, std::uint32_t* targets) const {
        Size n_due = 0;
        const Size end = graph.end(vertex);
        for (Size edge = graph.begin(vertex); edge < end; ++edge) {
            const std::uint32_t rate = rates_[static_cast<std::size_t>(edge)];
            targets[n_due] = static_cast<std::uint32_t>(graph.neighbor(edge));
            // The same for both ends; times the golden ratio.
            const std::uint32_t begin = (static_cast<std::uint32_t>(vertex) + targets[n_due]) * 0x9e3779b9U;
            n_due += begin + turn * (rate + 1U) <= rate ? 1 : 0;
        }
        return n_due;
    }

private:
    static constexpr Size two_turns_up_to = 20'000;

    int turns_per_epoch_;
    std::vector<std::uint32_t> rates_;
};

/// The edges that pull on the vertices of one chunk in one turn, and the vertices by falling number of them.
class DueEdges {
public:
    DueEdges(GraphView<float> graph, const Schedule& schedule, Range vertices, std::uint32_t turn)
        : targets_(static_cast<std::size_t>(graph.end(vertices.end_item - 1) - graph.begin(vertices.begin_item) + 1)) {
        std::uint32_t* const first = targets_.data();
        std::uint32_t* next = first;
        for (const Size vertex : vertices) {
            const Size n_due = schedule.due(graph, vertex, turn, next);
            lists_.push_back({static_cast<std::uint32_t>(vertex), next, n_due});
            next += n_due;
        }
        sort_by_falling_count();
    }

    struct List {
        std::uint32_t vertex;
        const std::uint32_t* targets;
        Size size;
    };
    std::span<const List> lists() const { return sorted_; }

private:
    /// Vertices of about the same count share a group, so that few lanes idle. Longer lists than these are rare.
    static constexpr Size max_count = 255;

    void sort_by_falling_count() {
        std::array<Size, max_count + 2> begin{};
        const auto place = [](const List& list) {
            return static_cast<std::size_t>(max_count - std::min(list.size, max_count));
        };
        for (const List& list : lists_) ++begin[place(list) + 1];
        std::partial_sum(begin.begin(), begin.end(), begin.begin());
        sorted_.resize(lists_.size());
        for (const List& list : lists_) sorted_[static_cast<std::size_t>(begin[place(list)]++)] = list;
    }

    std::vector<std::uint32_t> targets_;
    std::vector<List> lists_;
    std::vector<List> sorted_;
};

}  // namespace cellweave
