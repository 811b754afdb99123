#include "cluster/quality.hpp"

#include <limits>
#include <vector>

namespace cellweave {

namespace {
constexpr Grain vertices_per_chunk{4096};
}

double modularity(const AffinityGraph& graph, std::span<const Vertex> communities, Size n_communities,
                  double resolution, bool directed, Threads threads) {
    if (!(graph.total_weight() > 0)) return std::numeric_limits<double>::quiet_NaN();
    const auto community = [&](Size vertex) { return communities[static_cast<std::size_t>(vertex)]; };
    const double inside = graph.visit([&](const auto& view) {
        return parallel_reduce(
            view.n_vertices(), vertices_per_chunk, threads,
            [&](Range vertices) {
                double weight_inside = 0;
                for (const Size vertex : vertices) {
                    view.for_each_edge(vertex, [&](Vertex neighbor, double weight) {
                        if (community(neighbor) == community(vertex)) weight_inside += weight;
                    });
                }
                return weight_inside;
            },
            [](double& sum, double&& part) { sum += part; });
    });

    std::vector<Flow> masses(static_cast<std::size_t>(n_communities));
    for (Size vertex = 0; vertex < graph.n_vertices(); ++vertex) {
        const auto v = static_cast<std::size_t>(vertex);
        Flow strength{graph.out_strengths()[v], graph.in_strengths()[v]};
        if (!directed) strength.out = strength.in = 0.5 * (strength.out + strength.in);
        masses[static_cast<std::size_t>(community(vertex))] += strength;
    }
    double expected = 0;
    for (const Flow& mass : masses) expected += cross(mass, mass);
    return (inside - resolution * expected / graph.total_weight()) / graph.total_weight();
}

}  // namespace cellweave
