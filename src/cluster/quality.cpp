#include "cluster/quality.hpp"

#include <limits>
#include <vector>

namespace cellweave {

namespace {

constexpr Grain vertices_per_chunk{4096};

/// Weight of the edges within communities, each counted at both its ends.
template <Real W>
double weight_inside(GraphView<W> graph, std::span<const Vertex> communities, Threads threads) {
    return parallel_reduce(
        graph.n_vertices(), vertices_per_chunk, threads,
        [&](Range vertices) {
            double inside = 0;
            for (const Size vertex : vertices) {
                const Vertex own = communities[static_cast<std::size_t>(vertex)];
                graph.for_each_edge(vertex, [&](Vertex neighbor, double weight) {
                    if (communities[static_cast<std::size_t>(neighbor)] == own) inside += weight;
                });
            }
            return inside;
        },
        [](double& sum, double&& part) { sum += part; });
}

/// Sum of cross(mass, mass) over the communities.
template <Mass M, class MassOf>
double expected_inside(std::span<const Vertex> communities, Size n_communities, MassOf&& mass_of) {
    std::vector<M> masses(static_cast<std::size_t>(n_communities));
    for (std::size_t vertex = 0; vertex < communities.size(); ++vertex) {
        masses[static_cast<std::size_t>(communities[vertex])] += mass_of(vertex);
    }
    double expected = 0;
    for (const M& mass : masses) expected += cross(mass, mass);
    return expected;
}

}  // namespace

template <Real W, Mass M>
double quality(const Objective<W, M>& objective, std::span<const Vertex> communities, Threads threads) {
    const double expected = expected_inside<M>(communities, objective.graph.n_vertices(),
                                               [&](std::size_t vertex) { return objective.masses[vertex]; });
    return weight_inside(objective.graph, communities, threads) - objective.penalty * expected;
}

template double quality(const Objective<float, double>&, std::span<const Vertex>, Threads);
template double quality(const Objective<double, double>&, std::span<const Vertex>, Threads);
template double quality(const Objective<float, Flow>&, std::span<const Vertex>, Threads);
template double quality(const Objective<double, Flow>&, std::span<const Vertex>, Threads);

double modularity(const AffinityGraph& graph, std::span<const Vertex> communities, Size n_communities,
                  double resolution, bool directed, Threads threads) {
    if (!(graph.total_weight() > 0)) return std::numeric_limits<double>::quiet_NaN();
    const double inside = graph.visit([&](const auto& view) { return weight_inside(view, communities, threads); });
    const double expected = expected_inside<Flow>(communities, n_communities, [&](std::size_t vertex) {
        const Flow strength{graph.out_strengths()[vertex], graph.in_strengths()[vertex]};
        const double mean = 0.5 * (strength.out + strength.in);
        return directed ? strength : Flow{mean, mean};
    });
    return (inside - resolution * expected / graph.total_weight()) / graph.total_weight();
}

}  // namespace cellweave
