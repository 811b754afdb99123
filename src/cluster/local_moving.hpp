#pragma once
#include <span>

#include "cluster/partition.hpp"

namespace cellweave {

/// Moves single vertices to the neighbouring (or an empty) community that attracts them most, until none wants to move
/// (MoveNodesFast of Traag, Waltman and Van Eck 2019: only neighbours of a vertex that moved are looked at again).
///
/// Vertices wait in a queue and are taken in batches. A batch is judged in parallel against the partition as it was
/// before; the moves are then made one after the other. A vertex whose neighbour has just moved goes back to the queue,
/// and a move that no longer gains (the communities' masses changed) is dropped and looked at again, so that every move
/// made raises the quality by exactly what is counted.
///
/// Cost: some 5 to 10 visits of every edge from a partition of single vertices, about one from a good partition.
/// Scratch: 5 bytes a vertex. Determinism: batches depend on the graph alone; ties go to the lower community number.
///
/// @param order      in which the vertices first enter the queue.
/// @param partition  in: where to start from. out: a partition that no single move improves.
/// @return           the gain in quality, in units of edge weights counted once (half of what Objective's H gains).
template <Real W, Mass M>
double move_vertices(const Objective<W, M>& objective, std::span<const Vertex> order, Partition<M>& partition,
                     Threads threads);

}  // namespace cellweave
