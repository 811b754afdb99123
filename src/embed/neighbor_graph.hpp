#pragma once
#include <vector>

#include "core/parallel.hpp"
#include "core/views.hpp"
#include "sparse/graph.hpp"

namespace cellweave {

/// The graph that an embedding follows: undirected, without self-loops, weights relative to the heaviest edge, rows
/// rising. Edges below `min_relative_weight` of the heaviest one are left out.
///
/// A matrix that is not symmetric (to 1e-4 of the heaviest weight) is replaced by the mean of itself and its transpose,
/// which pulls every pair as strongly as the two directed edges together. Cost: a few reads of the matrix. Memory:
/// 8 bytes an edge kept, and twice that while it is being made symmetric.
///
/// @param connectivities  cells x cells; column indices rise within a row (scipy's canonical format).
/// @throws InvalidInput   the matrix is not square, too large, not canonical, or a weight is negative, NaN or infinite.
template <Real T, class I>
Graph<float> neighbor_graph(CsrView<const T, I> connectivities, double min_relative_weight, Threads threads);

/// The connected components of a graph, largest first (ties: the one with the lowest vertex first).
struct Components {
    /// Vertices of component c, rising: members[offsets[c]] to members[offsets[c + 1] - 1].
    std::vector<Size> offsets{0};
    std::vector<Vertex> members;

    Size count() const { return static_cast<Size>(offsets.size()) - 1; }
    Size size(Size component) const {
        return offsets[static_cast<std::size_t>(component) + 1] - offsets[static_cast<std::size_t>(component)];
    }
};

/// Cost: one read of the graph on one thread. Scratch: 12 bytes a vertex.
Components connected_components(GraphView<float> graph);

}  // namespace cellweave
