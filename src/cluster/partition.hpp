#pragma once
#include <span>
#include <vector>

#include "cluster/quality.hpp"
#include "core/random.hpp"

namespace cellweave {

/// Which community every vertex is in, and what the communities weigh. Community numbers lie below the number of
/// vertices; some may be empty.
template <Mass M>
struct Partition {
    std::vector<Vertex> community;  ///< of every vertex
    std::vector<M> mass;            ///< of every community
    std::vector<Vertex> size;       ///< vertices in every community

    /// @param communities  one number a vertex, at least 0 and below the number of vertices.
    Partition(std::vector<Vertex> communities, std::span<const M> masses);
};

/// Vertices listed by community.
struct Members {
    std::vector<Vertex> vertices;
    std::vector<Size> offsets;

    /// Where in `vertices` the members of `community` are.
    Range range(Size community) const {
        const auto c = static_cast<std::size_t>(community);
        return {offsets[c], offsets[c + 1]};
    }
    Size n_communities() const { return static_cast<Size>(offsets.size()) - 1; }
};

/// Members of every community, in the order in which `order` visits them.
Members members_of(std::span<const Vertex> communities, Size n_communities, std::span<const Vertex> order);

/// 0, 1, ..., n - 1.
std::vector<Vertex> identity(Size n);

/// A random order of n vertices (Fisher and Yates), a function of `random` alone.
std::vector<Vertex> random_order(Size n, const Random& random);

/// Renumbers the communities 0, 1, ... in the order of their old numbers (which lie below the number of vertices),
/// leaving out empty ones; returns how many there are.
Size number_compactly(std::vector<Vertex>& communities);

/// Renumbers the communities by falling size, ties by lowest member; returns how many there are.
Size number_by_size(std::vector<Vertex>& communities);

/// Splits every community into its connected parts. Neither modularity nor the Potts model can fall by it.
template <Real W>
void split_into_connected(GraphView<W> graph, std::vector<Vertex>& communities);

}  // namespace cellweave
