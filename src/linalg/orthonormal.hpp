#pragma once
#include <Eigen/Core>

#include "core/parallel.hpp"
#include "core/views.hpp"
#include "linalg/eigen_views.hpp"

namespace cellweave {

/// tall^T tall, summed in double over fixed blocks of rows.
template <Real S>
Eigen::MatrixXd gram_of_columns(DenseView<const S> tall, Threads threads);

/// out = tall small, by blocks of rows. `out` may be `tall` itself.
template <Real S>
void multiply_right(DenseView<const S> tall, const Eigen::MatrixXd& small, DenseView<S> out, Threads threads);

/// Replaces the columns of a tall matrix by an orthonormal basis Q of them; tall = Q R.
///
/// Cholesky QR, twice (Yamamoto, Nakatsukasa, Yanagisawa and Fukaya 2015): Q is as orthonormal as Householder's for
/// columns of condition up to 1e7 (double) or 1e5 (float). Beyond that, and for dependent or zero columns, Householder
/// QR on one thread takes over.
///
/// Cost: 6 n_rows n_cols^2 flops. Scratch: O(n_cols^2) per thread; for Householder a copy of `tall` in double.
///
/// @param[in,out] tall  n_rows >= n_cols, finite.
/// @return              R, n_cols x n_cols, upper triangular.
template <Real S>
Eigen::MatrixXd orthonormalize(DenseView<S> tall, Threads threads);

/// An orthonormal basis of the columns of a matrix, also where these depend on each other: n_rows x rank.
///
/// Cholesky QR, twice, like orthonormalize(). Where it can't be taken, Householder QR with pivoting on one thread, for
/// which a column depends on others if less than machine precision times the longer side is left of its length.
///
/// @param columns  finite, of any shape and scale.
RowMatrix<double> basis_of_columns(DenseView<const double> columns, Threads threads);

/// One pass of Cholesky QR: same columns' span, well conditioned, only roughly orthonormal. For the steps of a power
/// iteration, where the span is all that counts.
template <Real S>
void condition(DenseView<S> tall, Threads threads);

}  // namespace cellweave
