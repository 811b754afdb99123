#pragma once
#include "core/parallel.hpp"
#include "core/views.hpp"

namespace cellweave {

/// out = matrix x thin, for a symmetric n x n matrix and one of a few columns.
///
/// Reads the lower triangle alone, once for every eight columns: each value is multiplied for its own place and for
/// its mirror image. Cost: 2 n^2 flops a column. Scratch: n x 128 doubles. The same bytes for any number of threads.
void multiply_symmetric(DenseView<const double> matrix, DenseView<const double> thin, DenseView<double> out,
                        Threads threads);

}  // namespace cellweave
