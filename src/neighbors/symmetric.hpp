#pragma once
#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "core/error.hpp"
#include "neighbors/connectivities.hpp"

namespace cellweave {

/// The directed edges of a kNN graph: row i owns `slots[i * width] ... slots[i * width + counts[i] - 1]`.
template <Real T>
struct DirectedEdges {
    struct Edge {
        std::int32_t to;
        T weight;
    };

    DirectedEdges(Size n, Size width)
        : n(n), width(width), counts(static_cast<std::size_t>(n)), slots(static_cast<std::size_t>(n * width)) {}

    Edge* row(Size i) { return slots.data() + i * width; }
    const Edge* row(Size i) const { return slots.data() + i * width; }
    Size count(Size i) const { return counts[static_cast<std::size_t>(i)]; }

    /// Sorts row i by column and adds up edges to the same cell.
    void tidy(Size i) {
        Edge* const begin = row(i);
        Edge* const end = begin + count(i);
        std::stable_sort(begin, end, [](const Edge& a, const Edge& b) { return a.to < b.to; });
        Edge* last = begin;
        for (Edge* edge = begin; edge != end; ++edge) {
            if (last != begin && (last - 1)->to == edge->to) {
                (last - 1)->weight += edge->weight;
            } else {
                *last++ = *edge;
            }
        }
        counts[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(last - begin);
    }

    Size n;
    Size width;
    std::vector<std::int32_t> counts;
    std::vector<Edge> slots;
};

/// Throws InvalidInput unless every index names a cell or, if `allow_none`, is -1.
inline void check_indices(DenseView<const std::int32_t> indices, bool allow_none, Threads threads) {
    const auto n = static_cast<std::int32_t>(indices.n_rows());
    const std::int32_t lowest = allow_none ? -1 : 0;
    const int bad = parallel_reduce(
        indices.n_rows(), Grain{4096}, threads,
        [&](Range range) {
            int found = 0;
            for (const Size i : range) {
                for (const std::int32_t to : indices.row(i)) found |= (to < lowest || to >= n) ? 1 : 0;
            }
            return found;
        },
        [](int& into, int&& next) { into |= next; });
    require(bad == 0, "knn indices: found one that names none of the " + std::to_string(n) + " cells");
}

/// The symmetric graph with weights combine(i's weight of j, j's weight of i), an absent edge weighing 0; zeros are
/// left out. `combine` must be symmetric.
///
/// Cost: one counting sort of the edges by their end, and one merge a row.
template <Real T, class Combine>
Connectivities<T> symmetrized(const DirectedEdges<T>& edges, Combine&& combine, Threads threads) {
    using Edge = typename DirectedEdges<T>::Edge;
    const Size n = edges.n;
    std::vector<std::int64_t> starts(static_cast<std::size_t>(n) + 1);
    for (Size i = 0; i < n; ++i) {
        for (Size e = 0; e < edges.count(i); ++e) ++starts[static_cast<std::size_t>(edges.row(i)[e].to) + 1];
    }
    std::partial_sum(starts.begin(), starts.end(), starts.begin());
    std::vector<Edge> incoming(static_cast<std::size_t>(starts.back()));
    std::vector<std::int64_t> next(starts.begin(), starts.end() - 1);
    for (Size i = 0; i < n; ++i) {  // rows in order, so each cell's incoming edges are sorted as well
        for (Size e = 0; e < edges.count(i); ++e) {
            const Edge& edge = edges.row(i)[e];
            incoming[static_cast<std::size_t>(next[static_cast<std::size_t>(edge.to)]++)] = {
                static_cast<std::int32_t>(i), edge.weight};
        }
    }

    const auto merge_row = [&](Size i, auto&& emit) {
        const Edge* out = edges.row(i);
        const Edge* const out_end = out + edges.count(i);
        const Edge* in = incoming.data() + starts[static_cast<std::size_t>(i)];
        const Edge* const in_end = incoming.data() + starts[static_cast<std::size_t>(i) + 1];
        while (out != out_end || in != in_end) {
            const bool has_out = out != out_end && (in == in_end || out->to <= in->to);
            const bool has_in = in != in_end && (out == out_end || in->to <= out->to);
            const std::int32_t to = has_out ? out->to : in->to;
            const T weight = combine(has_out ? out->weight : T(0), has_in ? in->weight : T(0));
            if (weight != T(0)) emit(to, weight);
            out += has_out ? 1 : 0;
            in += has_in ? 1 : 0;
        }
    };
    Connectivities<T> graph;
    graph.indptr.resize(static_cast<std::size_t>(n) + 1);
    parallel_for(n, Grain{4096}, threads, [&](Range range) {
        for (const Size i : range)
            merge_row(i, [&](std::int32_t, T) { ++graph.indptr[static_cast<std::size_t>(i) + 1]; });
    });
    std::partial_sum(graph.indptr.begin(), graph.indptr.end(), graph.indptr.begin());
    graph.indices.resize(static_cast<std::size_t>(graph.indptr.back()));
    graph.weights.resize(static_cast<std::size_t>(graph.indptr.back()));
    parallel_for(n, Grain{4096}, threads, [&](Range range) {
        for (const Size i : range) {
            auto at = static_cast<std::size_t>(graph.indptr[static_cast<std::size_t>(i)]);
            merge_row(i, [&](std::int32_t to, T weight) {
                graph.indices[at] = to;
                graph.weights[at++] = weight;
            });
        }
    });
    return graph;
}

}  // namespace cellweave
