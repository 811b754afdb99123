#pragma once
#include <cstdint>
#include <optional>

#include "core/parallel.hpp"
#include "core/views.hpp"
#include "neighbors/metric.hpp"

namespace cellweave {

/// Where the search writes: both n_queries x k, each row from the nearest to the farthest. k is their width.
template <Real D>
struct NeighborTable {
    DenseView<std::int32_t> indices;
    DenseView<D> distances;
};

/// The k nearest references of every query, exactly.
///
/// A float32 scan keeps, by a proven bound of its rounding error, every reference that may be among the k nearest;
/// those are ordered by their distance in double. Equal to brute force in double, ties to the lower index.
///
/// Cost: 2 n_queries n_references n_dims flops at the speed of a matrix product (manhattan: about a third of it).
/// Scratch: queries and references as float32 (references twice), about 100 (1.5 k + 24) candidates a thread.
/// Determinism: the result is the unique answer to the question.
///
/// @param references  n_references x n_dims, finite.
/// @param queries     n_queries x n_dims, finite. Unset: the references themselves; each is then its own neighbour 0.
/// @throws InvalidInput  k is below 1 or above n_references, dimensions differ, a value is NaN or infinite, 2^31 or
///                       more references.
template <Real T, Real D>
void exact_neighbors(DenseView<const T> references, std::optional<DenseView<const T>> queries, Metric metric,
                     NeighborTable<D> out, Threads threads);

/// The checks of exact_neighbors(), for searches that share its contract.
template <Real T, Real D>
void check_search(DenseView<const T> references, std::optional<DenseView<const T>> queries, const NeighborTable<D>& out,
                  Threads threads);

}  // namespace cellweave
