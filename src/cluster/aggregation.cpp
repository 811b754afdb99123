#include "cluster/aggregation.hpp"

#include <algorithm>

#include "cluster/neighbor_weights.hpp"

namespace cellweave {

namespace {
constexpr Size most_blocks = 256;
}

template <Real W, Mass M>
CoarseLevel<M> aggregate(const Objective<W, M>& objective, std::span<const Vertex> group, Size n_groups,
                         Threads threads) {
    const Members members = members_of(group, n_groups, identity(objective.graph.n_vertices()));
    CoarseLevel<M> coarse;
    coarse.masses.resize(static_cast<std::size_t>(n_groups));
    coarse.graph.offsets.assign(static_cast<std::size_t>(n_groups) + 1, 0);

    // Each block of groups collects its edges by itself; then they are laid end to end.
    const Grain block = Grain::parts(n_groups, most_blocks);
    std::vector<Graph<double>> blocks(static_cast<std::size_t>((n_groups + block.size - 1) / block.size));
    parallel_for(n_groups, block, threads, [&](Range groups) {
        Graph<double>& edges = blocks[static_cast<std::size_t>(groups.begin_item / block.size)];
        NeighborWeights weights;
        for (const Size from : groups) {
            weights.clear();
            each_fetching_edges(objective.graph, members.vertices, members.range(from), [&](Size k) {
                const Vertex vertex = members.vertices[static_cast<std::size_t>(k)];
                coarse.masses[static_cast<std::size_t>(from)] += objective.mass(vertex);
                objective.graph.for_each_edge(vertex, [&](Vertex neighbor, double weight) {
                    const Vertex to = group[static_cast<std::size_t>(neighbor)];
                    if (to != from) weights.add(to, weight);
                });
            });
            coarse.graph.offsets[static_cast<std::size_t>(from) + 1] = static_cast<Size>(weights.size());
            for (std::size_t k = 0; k < weights.size(); ++k) {
                edges.neighbors.push_back(weights[k].community);
                edges.weights.push_back(weights[k].weight);
            }
        }
    });

    coarse.graph.make_room();
    parallel_for(static_cast<Size>(blocks.size()), Grain{8}, threads, [&](Range range) {
        for (const Size b : range) {
            const Graph<double>& edges = blocks[static_cast<std::size_t>(b)];
            const Size first = coarse.graph.offsets[static_cast<std::size_t>(b * block.size)];
            std::copy(edges.neighbors.begin(), edges.neighbors.end(), coarse.graph.neighbors.begin() + first);
            std::copy(edges.weights.begin(), edges.weights.end(), coarse.graph.weights.begin() + first);
        }
    });
    return coarse;
}

#define CELLWEAVE_INSTANTIATE(W, M) \
    template CoarseLevel<M> aggregate(const Objective<W, M>&, std::span<const Vertex>, Size, Threads);
CELLWEAVE_INSTANTIATE(float, double)
CELLWEAVE_INSTANTIATE(double, double)
CELLWEAVE_INSTANTIATE(float, Flow)
CELLWEAVE_INSTANTIATE(double, Flow)
#undef CELLWEAVE_INSTANTIATE

}  // namespace cellweave
