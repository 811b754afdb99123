#pragma once
#include "core/parallel.hpp"
#include "core/views.hpp"

namespace cellweave {

/// Writes every row divided by its Euclidean length; a row of zeros stays.
///
/// Cost: one read and one write.
void unit_rows(DenseView<const double> rows, DenseView<double> out, Threads threads);

}  // namespace cellweave
