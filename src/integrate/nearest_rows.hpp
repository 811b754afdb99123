#pragma once
#include <cstdint>

#include "core/parallel.hpp"
#include "core/views.hpp"

namespace cellweave {

/// The nearest rows by Euclidean distance, for few neighbours: by blocks of matrix products in float64.
///
/// Cost: 2 x n_queries x n_rows x n_cols operations. Ties within rounding go to the lower row. Scratch: a tile a
/// thread.
///
/// @param[out] nearest  n_queries x n_neighbors row numbers, nearest first; n_neighbors <= rows.n_rows().
void nearest_rows(DenseView<const double> queries, DenseView<const double> rows, DenseView<std::int64_t> nearest,
                  Threads threads);

}  // namespace cellweave
