#pragma once
#include "core/parallel.hpp"
#include "neighbors/list_search.hpp"
#include "neighbors/metric.hpp"

namespace cellweave {

/// The reach that finds a share `recall` of the k nearest neighbours.
///
/// In many dimensions a neighbour lies only a little beyond a border, by how much depends on the data. It is measured
/// on up to 768 queries, drawn evenly from all lists, whose neighbours are looked for without a limit.
///
/// Cost: in many dimensions 2 n_dims operations for each of those queries and each reference, in few far less.
/// Determinism: the sample depends on the lists alone.
Reach find_reach(double recall, const ListedPoints& points, Metric metric, Size k, Threads threads);

}  // namespace cellweave
