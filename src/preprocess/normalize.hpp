#pragma once
#include <optional>
#include <span>
#include <string>

#include "core/parallel.hpp"
#include "core/views.hpp"

namespace cellweave {

/// Multiplies every row by its own factor, in place. Cost: nnz reads and writes.
template <Real T, class I>
void scale_rows(CsrView<T, I> counts, std::span<const double> factors, Threads threads);

/// Sum of every row, in double, in storage order. Cost: nnz reads.
template <Number T, class I>
void row_sums(CsrView<const T, I> counts, std::span<double> totals, Threads threads);

}  // namespace cellweave
