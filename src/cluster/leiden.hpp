#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "cluster/affinity_graph.hpp"

namespace cellweave {

/// What makes a partition good.
enum class CommunityQuality {
    modularity,      ///< more weight inside than a random graph with the same strengths would have
    constant_potts,  ///< more weight inside than `resolution` for every pair of cells
    density_potts,   ///< more weight inside than `resolution` x the graph's density for every pair of cells
};

/// Options of leiden() and louvain().
struct CommunityOptions {
    CommunityQuality quality = CommunityQuality::modularity;

    /// Above 0. Higher values give more and smaller communities.
    double resolution = 1.0;

    /// Modularity of an asymmetric adjacency: whether the null model keeps what leaves and what enters a cell apart.
    /// Without effect on symmetric ones, such as scanpy's.
    bool directed = false;

    /// How often the whole procedure is run, each time from the partition before; negative: until nothing improves.
    /// The second run brings most of what there is to gain.
    int n_iterations = 2;

    /// Theta of the refinement, in units of edge weights: 0 merges greedily; see refine(). Without effect on louvain().
    double randomness = 0.01;

    /// Independent runs with other random numbers, of which the best is kept and, where there was a choice, improved
    /// until nothing gains. Unset: as many as keep the sum of their cells near 30,000, from 1 to 10. On small graphs
    /// single runs differ most, and cost least.
    std::optional<int> n_starts;

    /// Seeds the order of visits and the refinement.
    std::uint64_t seed = 0;
};

/// Communities by the Leiden algorithm (Traag, Waltman and Van Eck 2019, "From Louvain to Leiden").
///
/// Every community is connected. Scratch: some 60 bytes a cell and 12 bytes an edge of the first coarser graph.
/// Determinism: a function of graph, options and start alone; communities are numbered by falling size, ties by lowest
/// member. A cell without edges is a community of its own.
///
/// @param start  the partition to begin with, numbers from 0 to n - 1; empty: every cell alone.
/// @return       the community of every cell.
std::vector<Vertex> leiden(const AffinityGraph& graph, std::span<const Vertex> start, const CommunityOptions& options,
                           Threads threads);

/// Communities by the Louvain algorithm (Blondel et al. 2008). As leiden() without the refinement: a community may turn
/// out disconnected.
std::vector<Vertex> louvain(const AffinityGraph& graph, std::span<const Vertex> start, const CommunityOptions& options,
                            Threads threads);

}  // namespace cellweave
