#pragma once
#include <span>

#include "cluster/affinity_graph.hpp"

namespace cellweave {

/// The mass of a vertex in a directed null model: the weight that leaves it and that enters it.
struct Flow {
    double out = 0;
    double in = 0;

    Flow& operator+=(const Flow& other) {
        out += other.out;
        in += other.in;
        return *this;
    }
    Flow& operator-=(const Flow& other) {
        out -= other.out;
        in -= other.in;
        return *this;
    }
    friend Flow operator-(Flow a, const Flow& b) { return a -= b; }
};

/// Mass of a vertex or community: one number, or a Flow.
template <class M>
concept Mass = std::same_as<M, double> || std::same_as<M, Flow>;

/// What the null model expects between two masses.
inline double cross(double a, double b) {
    return a * b;
}
inline double cross(const Flow& a, const Flow& b) {
    return 0.5 * (a.out * b.in + a.in * b.out);
}

/// What a partition is judged by: H = sum over communities of (weight inside - penalty x cross(mass, mass)), the weight
/// inside counting every edge at both its ends.
///
/// - Modularity with a resolution (Reichardt and Bornholdt 2006): mass = strength, penalty = resolution / total weight.
///   Directed (Leicht and Newman 2008): mass = Flow.
/// - Constant Potts model (Traag, Van Dooren and Nesterov 2011): mass = number of cells, penalty = resolution.
///
/// A move of one vertex changes H by twice the difference of its attachments, and leaves the rest alone.
template <Real W, Mass M>
struct Objective {
    GraphView<W> graph;
    std::span<const M> masses;
    double penalty = 0;
    /// Gains up to this are rounding errors of the sums.
    double tolerance = 0;

    const M& mass(Size vertex) const { return masses[static_cast<std::size_t>(vertex)]; }
    /// How much a vertex of mass `mine` is drawn to a community (not counting itself) of mass `theirs`.
    double attachment(double weight, const M& mine, const M& theirs) const {
        return weight - penalty * cross(mine, theirs);
    }
};

/// H of a partition, as Objective defines it. Cost: one visit of every edge.
///
/// @param communities  one number a vertex, 0 <= number < n_vertices.
template <Real W, Mass M>
double quality(const Objective<W, M>& objective, std::span<const Vertex> communities, Threads threads);

/// Modularity of `communities` at `resolution`, in [-1, 1] for resolution 1; NaN for a graph without edges.
///
/// @param communities  one number a cell, 0 <= number < n_communities.
/// @param directed     respect directions if the adjacency is asymmetric (Leicht and Newman 2008).
double modularity(const AffinityGraph& graph, std::span<const Vertex> communities, Size n_communities,
                  double resolution, bool directed, Threads threads);

}  // namespace cellweave
