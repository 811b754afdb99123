#pragma once
#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "core/parallel.hpp"
#include "sparse/graph.hpp"

namespace cellweave {

/// Every edge turned round: vertex v gets those that lead to it, by rising start.
///
/// Cost: a counting sort, each of eight parts of the starts by itself. Scratch: 64 bytes a vertex.
/// @param edges  anything with the edges of a GraphView.
template <class Edges>
Graph<typename Edges::Weight> reversed(const Edges& edges, Threads threads) {
    constexpr Size n_parts = 8;
    const Size n = edges.n_vertices();
    const auto each_edge = [&](Size part, auto&& visit) {
        for (Size vertex = part * n / n_parts; vertex < (part + 1) * n / n_parts; ++vertex) {
            for (Size edge = edges.begin(vertex); edge < edges.end(vertex); ++edge) visit(vertex, edge);
        }
    };
    // Of each part and vertex: how many of the edges that lead to it start there, and then where the next one goes.
    std::array<std::vector<Size>, n_parts> next;
    parallel_for(n_parts, Grain{1}, threads, [&](Range parts) {
        for (const Size part : parts) {
            auto& counts = next[static_cast<std::size_t>(part)];
            counts.assign(static_cast<std::size_t>(n), 0);
            each_edge(part, [&](Size, Size edge) { ++counts[static_cast<std::size_t>(edges.neighbor(edge))]; });
        }
    });
    Graph<typename Edges::Weight> result;
    result.offsets.resize(static_cast<std::size_t>(n) + 1);
    Size begin = 0;
    for (std::size_t vertex = 0; vertex < static_cast<std::size_t>(n); ++vertex) {
        for (auto& of_part : next) begin += std::exchange(of_part[vertex], begin);
        result.offsets[vertex + 1] = begin;
    }
    result.neighbors.resize(static_cast<std::size_t>(begin));
    result.weights.resize(static_cast<std::size_t>(begin));
    parallel_for(n_parts, Grain{1}, threads, [&](Range parts) {
        for (const Size part : parts) {
            auto& places = next[static_cast<std::size_t>(part)];
            each_edge(part, [&](Size vertex, Size edge) {
                const Size to = places[static_cast<std::size_t>(edges.neighbor(edge))]++;
                result.neighbors[static_cast<std::size_t>(to)] = static_cast<Vertex>(vertex);
                result.weights[static_cast<std::size_t>(to)] = edges.weight(edge);
            });
        }
    });
    return result;
}

/// The undirected graph in which i and j are joined by combine(weight of i -> j, weight of j -> i), an absent edge
/// weighing 0; zeros are left out. `combine` must be symmetric. Rows rise.
///
/// Cost: reversed(), and two merges a row.
/// @param edges  as in reversed(), those of a vertex by rising neighbour.
template <class Edges, class Combine>
Graph<typename Edges::Weight> symmetrized(const Edges& edges, Combine&& combine, Threads threads) {
    using W = typename Edges::Weight;
    const Graph<W> arriving = reversed(edges, threads);
    const GraphView<W> in = arriving.view();
    const auto merge = [&](Size vertex, auto&& take) {
        Size a = edges.begin(vertex);
        Size b = in.begin(vertex);
        const Size a_end = edges.end(vertex);
        const Size b_end = in.end(vertex);
        const auto take_both = [&](Vertex neighbor, W weight, W other) {
            const W combined = combine(weight, other);
            if (combined != W(0)) take(neighbor, combined);
        };
        while (a < a_end && b < b_end) {
            const Vertex to = edges.neighbor(a);
            const Vertex from = in.neighbor(b);
            take_both(std::min(to, from), to <= from ? edges.weight(a) : W(0), from <= to ? in.weight(b) : W(0));
            a += to <= from ? 1 : 0;
            b += from <= to ? 1 : 0;
        }
        for (; a < a_end; ++a) take_both(edges.neighbor(a), edges.weight(a), W(0));
        for (; b < b_end; ++b) take_both(in.neighbor(b), W(0), in.weight(b));
    };
    return build_graph<W>(edges.n_vertices(), merge, threads);
}

/// The mean of a matrix and its transpose.
template <class Edges>
Graph<typename Edges::Weight> mean_with_reversed(const Edges& edges, Threads threads) {
    using W = typename Edges::Weight;
    return symmetrized(
        edges, [](W one, W other) { return (one + other) / 2; }, threads);
}

}  // namespace cellweave
