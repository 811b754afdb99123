#pragma once
#include <cstdint>
#include <optional>

#include "core/parallel.hpp"
#include "core/views.hpp"
#include "neighbors/exact.hpp"
#include "neighbors/metric.hpp"

namespace cellweave {

/// Options of approximate_neighbors().
struct ApproximateOptions {
    /// Inverted lists. 0: 2/5 of the square root of the number of points, which balances finding the lists and
    /// searching them.
    Size n_lists = 0;

    /// Share of the neighbours to find. How many lists that takes is measured on some of the queries: see find_reach().
    /// 1 finds all of them.
    double recall = 0.991;

    std::uint64_t seed = 0;
};

/// The k nearest references of every query, nearly all of them, by inverted lists on k-means (Jegou, Douze and Schmid
/// 2011), whose points are rounded to a byte a coordinate: see ByteLists. At recall 1, for manhattan, and for more
/// dimensions than those take, the lists hold float32.
///
/// Queries of one list are searched together. What is found is ordered by distance in double, ties to the lower index;
/// recall is the only thing that is given up.
///
/// Cost: k-means, and 2 n_dims operations a query for every point in the lists that it searches; for some hundred
/// queries these are all lists. Scratch: queries and references as float32, and a byte for each coordinate of these.
/// Determinism: a query's lists depend on its own neighbours so far and on nothing else.
///
/// Parameters and errors as for exact_neighbors().
template <Real T, Real D>
void approximate_neighbors(DenseView<const T> references, std::optional<DenseView<const T>> queries, Metric metric,
                           const ApproximateOptions& options, NeighborTable<D> out, Threads threads);

}  // namespace cellweave
