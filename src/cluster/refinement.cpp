#include "cluster/refinement.hpp"

#include <cmath>
#include <utility>

#include "cluster/neighbor_weights.hpp"

namespace cellweave {

namespace {

std::size_t at(Vertex vertex) {
    return static_cast<std::size_t>(vertex);
}

/// Grows the parts of one community after the other; communities share no state, so each may have its own thread.
template <Real W, Mass M>
class Refinement {
public:
    Refinement(const Objective<W, M>& objective, const Partition<M>& partition, double randomness, const Random& random)
        : objective_(objective),
          partition_(partition),
          randomness_(randomness),
          random_(random),
          part_(identity(objective.graph.n_vertices())),
          mass_(objective.masses.begin(), objective.masses.end()),
          outside_(objective.masses.size(), 0.0),
          is_alone_(objective.masses.size(), 1) {}

    void refine(Size community, const Members& members) {
        const Range range = members.range(community);
        if (range.size() < 2) return;
        each_fetching_edges(objective_.graph, members.vertices, range, [&](Size k) {
            const Vertex vertex = members.vertices[static_cast<std::size_t>(k)];
            double outside = 0;
            objective_.graph.for_each_edge(vertex, [&](Vertex neighbor, double weight) {
                const bool is_other_member = partition_.community[at(neighbor)] == community && neighbor != vertex;
                outside += static_cast<double>(is_other_member) * weight;
            });
            outside_[at(vertex)] = outside;
        });
        Scratch scratch;
        each_fetching_edges(objective_.graph, members.vertices, range, [&](Size k) {
            const Vertex vertex = members.vertices[static_cast<std::size_t>(k)];
            if (part_[at(vertex)] != vertex || !is_alone_[at(vertex)]) return;
            if (!is_well_connected(vertex, community)) return;
            join(vertex, choose(vertex, community, scratch), scratch.weights);
        });
    }

    std::vector<Vertex> take() { return std::move(part_); }

private:
    struct Scratch {
        NeighborWeights weights;
        std::vector<std::pair<Vertex, double>> candidates;
    };

    /// Whether the part hangs on the rest of its community by at least what the null model expects.
    bool is_well_connected(Vertex part, Size community) const {
        const M& mine = mass_[at(part)];
        const M& whole = partition_.mass[static_cast<std::size_t>(community)];
        return objective_.attachment(outside_[at(part)], mine, whole - mine) >= -objective_.tolerance;
    }

    /// The part to join; the vertex itself when it had better stay alone.
    Vertex choose(Vertex vertex, Size community, Scratch& scratch) const {
        auto& [weights, candidates] = scratch;
        weights.clear();
        objective_.graph.for_each_edge(vertex, [&](Vertex neighbor, double weight) {
            if (neighbor == vertex || weight == 0 || partition_.community[at(neighbor)] != community) return;
            weights.add(part_[at(neighbor)], weight);
        });
        candidates.assign(1, {vertex, 0.0});
        double best = 0;
        Vertex best_part = vertex;
        for (std::size_t k = 0; k < weights.size(); ++k) {
            const auto [part, weight] = weights[k];
            const double gain = objective_.attachment(weight, objective_.mass(vertex), mass_[at(part)]);
            if (gain < 0 || !is_well_connected(part, community)) continue;
            candidates.emplace_back(part, gain);
            if (gain <= best) continue;
            best = gain;
            best_part = part;
        }
        return randomness_ > 0 ? draw(vertex, best, candidates) : best_part;
    }

    Vertex draw(Vertex vertex, double best, std::vector<std::pair<Vertex, double>>& candidates) const {
        double sum = 0;
        for (auto& [part, gain] : candidates) {
            sum += std::exp((gain - best) / randomness_);
            gain = sum;
        }
        const double mark = random_.uniform(static_cast<std::uint64_t>(vertex)) * sum;
        for (const auto& [part, up_to] : candidates) {
            if (mark < up_to) return part;
        }
        return candidates.back().first;
    }

    void join(Vertex vertex, Vertex part, NeighborWeights& weights) {
        if (part == vertex) return;
        part_[at(vertex)] = part;
        mass_[at(part)] += objective_.mass(vertex);
        outside_[at(part)] += outside_[at(vertex)] - 2 * weights.of(part);
        is_alone_[at(part)] = 0;
    }

    const Objective<W, M>& objective_;
    const Partition<M>& partition_;
    const double randomness_;
    const Random random_;
    std::vector<Vertex> part_;
    std::vector<M> mass_;          ///< of the part that began with this vertex
    std::vector<double> outside_;  ///< weight from that part to the rest of its community
    std::vector<std::uint8_t> is_alone_;
};

}  // namespace

template <Real W, Mass M>
std::vector<Vertex> refine(const Objective<W, M>& objective, const Partition<M>& partition, const Members& members,
                           double randomness, const Random& random, Threads threads) {
    Refinement<W, M> refinement(objective, partition, randomness, random);
    parallel_for(members.n_communities(), Grain{1}, threads, [&](Range communities) {
        for (const Size community : communities) refinement.refine(community, members);
    });
    return refinement.take();
}

#define CELLWEAVE_INSTANTIATE(W, M)                                                                          \
    template std::vector<Vertex> refine(const Objective<W, M>&, const Partition<M>&, const Members&, double, \
                                        const Random&, Threads);
CELLWEAVE_INSTANTIATE(float, double)
CELLWEAVE_INSTANTIATE(double, double)
CELLWEAVE_INSTANTIATE(float, Flow)
CELLWEAVE_INSTANTIATE(double, Flow)
#undef CELLWEAVE_INSTANTIATE

}  // namespace cellweave
