#pragma once
#include <span>
#include <vector>

#include "cluster/partition.hpp"

namespace cellweave {

/// Splits every community into well-connected parts (RefinePartition of Traag, Waltman and Van Eck 2019).
///
/// Within each community every vertex starts alone. In the order given, each vertex that is still alone and well
/// connected to its community joins one of the well-connected parts that it has an edge to and that attract it, drawn
/// with probability proportional to exp(gain / randomness). Every part is connected, as a vertex joins only over an
/// edge.
///
/// Cost: two visits of every edge. Scratch: 28 bytes a vertex. Communities are refined in parallel, each by one thread.
///
/// @param members     of every community of `partition`, in the order in which they are to be visited.
/// @param randomness  theta of the paper, in units of edge weights: 0 always takes the part that attracts most, of
/// equal
///                    ones the one met first; large values draw nearly evenly.
/// @return            the part of every vertex: the number of its first vertex.
template <Real W, Mass M>
std::vector<Vertex> refine(const Objective<W, M>& objective, const Partition<M>& partition, const Members& members,
                           double randomness, const Random& random, Threads threads);

}  // namespace cellweave
