#pragma once
#include <Eigen/Core>

#include "core/parallel.hpp"
#include "core/views.hpp"

namespace cellweave {

/// Removes from the columns of `block` their parts in the span of `basis`, and again what rounding left of them, so
/// that they end up orthogonal to it (Giraud, Langou and Rozloznik 2005).
///
/// Cost: 8 n_rows x (columns of the basis) x (columns of the block) flops; reads the basis three times.
///
/// @param basis          n_rows x k, orthonormal columns.
/// @param[in,out] block  n_rows x any.
/// @return               basis^T block, as the block was before: k columns of the basis x columns of the block.
Eigen::MatrixXd project_out(DenseView<const double> basis, DenseView<double> block, Threads threads);

}  // namespace cellweave
