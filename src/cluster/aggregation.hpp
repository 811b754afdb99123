#pragma once
#include <span>
#include <vector>

#include "cluster/partition.hpp"

namespace cellweave {

/// A coarser level of the problem: every vertex stands for a group of vertices of the level below.
template <Mass M>
struct CoarseLevel {
    Graph<double> graph;
    std::vector<M> masses;
};

/// Draws every group of vertices together into one. Edges within a group are left out: moves never look at them.
///
/// Cost: one visit of every edge. Groups are summed in parallel, each by one thread in the order of its members.
///
/// @param group     of every vertex: 0 <= group < n_groups, none empty.
template <Real W, Mass M>
CoarseLevel<M> aggregate(const Objective<W, M>& objective, std::span<const Vertex> group, Size n_groups,
                         Threads threads);

}  // namespace cellweave
