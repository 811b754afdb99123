#pragma once
#include <algorithm>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "core/fetch.hpp"
#include "core/parallel.hpp"
#include "core/untouched.hpp"

namespace cellweave {

/// A cell, or a group of cells in a coarser graph; also numbers communities, of which there are never more.
using Vertex = std::int32_t;

/// A weighted graph that somebody else owns, as compressed sparse rows: vertex v has the edges begin(v) to end(v) - 1.
/// An undirected edge is stored at both its ends with the same weight, one from a vertex to itself once. Parallel edges
/// add up.
template <Real W>
class GraphView {
public:
    using Weight = W;

    GraphView() = default;
    GraphView(std::span<const Size> offsets, std::span<const Vertex> neighbors, std::span<const W> weights)
        : offsets_(offsets.data()),
          neighbors_(neighbors.data()),
          weights_(weights.data()),
          n_vertices_(static_cast<Size>(offsets.size()) - 1) {}

    Size n_vertices() const { return n_vertices_; }
    /// Those stored: an undirected one counts at both its ends.
    Size n_edges() const { return offsets_[n_vertices_]; }
    Size begin(Size vertex) const { return offsets_[vertex]; }
    Size end(Size vertex) const { return offsets_[vertex + 1]; }
    Size degree(Size vertex) const { return end(vertex) - begin(vertex); }

    Vertex neighbor(Size edge) const { return neighbors_[edge]; }
    W weight(Size edge) const { return weights_[edge]; }
    std::span<const Vertex> neighbors(Size vertex) const {
        return {neighbors_ + begin(vertex), static_cast<std::size_t>(degree(vertex))};
    }

    /// Has the edges of `vertex` brought near, all those of the usual vertex.
    [[gnu::always_inline]] void fetch_edges(Size vertex) const {
        const Size last = std::max(end(vertex) - 1, begin(vertex));
        for (const Size edge : {begin(vertex), last}) {
            fetch(neighbors_ + edge);
            fetch(weights_ + edge);
        }
    }

    /// Calls `body(neighbor, weight)` for every edge of `vertex`, in storage order.
    template <class Body>
    void for_each_edge(Size vertex, Body&& body) const {
        const Size last = end(vertex);
        for (Size edge = begin(vertex); edge < last; ++edge) body(neighbor(edge), weight(edge));
    }

private:
    const Size* offsets_ = nullptr;
    const Vertex* neighbors_ = nullptr;
    const W* weights_ = nullptr;
    Size n_vertices_ = 0;
};

/// Calls `body(k)` for every k of `range`, and meanwhile fetches the edges of the vertices that come soon: for visits
/// of vertices[k] in scattered order, where each would wait for its edges.
template <Real W, class Body>
void each_fetching_edges(GraphView<W> graph, std::span<const Vertex> vertices, Range range, Body&& body) {
    constexpr Size ahead = 8;
    for (const Size k : range) {
        const auto soon = static_cast<std::size_t>(k + ahead);
        if (soon < vertices.size()) graph.fetch_edges(vertices[soon]);
        body(k);
    }
}

/// A graph that owns its arrays: vertex v has the edges offsets[v] to offsets[v + 1] - 1.
template <Real W>
struct Graph {
    std::vector<Size> offsets{0};
    UntouchedVector<Vertex> neighbors;
    UntouchedVector<W> weights;

    GraphView<W> view() const { return {offsets, neighbors, weights}; }

    /// Turns `offsets[v + 1]`, so far the number of edges of vertex v, into offsets, and makes room for the edges, all
    /// of which are then to be written.
    void make_room() {
        std::partial_sum(offsets.begin(), offsets.end(), offsets.begin());
        neighbors.resize(static_cast<std::size_t>(offsets.back()));
        weights.resize(static_cast<std::size_t>(offsets.back()));
    }
};

/// The graph of n vertices whose edges `each_edge(vertex, take)` gives, by one `take(neighbor, weight)` each. It is
/// called twice for every vertex, first to count the edges, and must give the same ones.
template <Real W, class EachEdge>
Graph<W> build_graph(Size n, EachEdge&& each_edge, Threads threads) {
    constexpr Grain vertices_per_chunk{4096};
    Graph<W> graph;
    graph.offsets.assign(static_cast<std::size_t>(n) + 1, 0);
    parallel_for(n, vertices_per_chunk, threads, [&](Range vertices) {
        for (const Size vertex : vertices) {
            Size& count = graph.offsets[static_cast<std::size_t>(vertex) + 1];
            each_edge(vertex, [&](Vertex, W) { ++count; });
        }
    });
    graph.make_room();
    parallel_for(n, vertices_per_chunk, threads, [&](Range vertices) {
        for (const Size vertex : vertices) {
            auto at = static_cast<std::size_t>(graph.offsets[static_cast<std::size_t>(vertex)]);
            each_edge(vertex, [&](Vertex neighbor, W weight) {
                graph.neighbors[at] = neighbor;
                graph.weights[at++] = weight;
            });
        }
    });
    return graph;
}

}  // namespace cellweave
