#pragma once
#include <span>
#include <vector>

#include "core/parallel.hpp"
#include "core/views.hpp"

namespace cellweave {

/// Products of a sparse matrix A (cells x genes) with a tall, thin dense one. `mean`, where it is not empty, holds one
/// value per column of A, and the products are those of A - 1 mean^T: centring that never densifies.
///
/// Cost of each product: 2 x nnz x n_columns flops, and the thin matrix is read from cache once per entry of A.
/// Determinism: a row's sum runs in storage order. Sums over rows are made in chunks of rows whose bounds depend on
/// n_rows alone, and meet in order.

/// out = (A - 1 mean^T) right.
///
/// @param right  n_genes x n_columns.
/// @param out    n_cells x n_columns.
template <Real T, Index I, Real S>
void multiply(CsrView<const T, I> matrix, DenseView<const S> right, DenseView<S> out, std::span<const double> mean,
              Threads threads);

/// out = (A - 1 mean^T)^T left. Scratch: at most 2 x threads matrices of the size of `out`.
///
/// @param left  n_cells x n_columns.
/// @param out   n_genes x n_columns.
template <Real T, Index I, Real S>
void multiply_transposed(CsrView<const T, I> matrix, DenseView<const S> left, DenseView<S> out,
                         std::span<const double> mean, Threads threads);

/// out = B^T B right with B = A - 1 mean^T, in one pass over A: nothing of the size of n_cells is stored.
/// Scratch: at most 2 x threads matrices of the size of `out`.
///
/// @param right, out  n_genes x n_columns.
template <Real T, Index I, Real S>
void multiply_gram(CsrView<const T, I> matrix, DenseView<const S> right, DenseView<S> out, std::span<const double> mean,
                   Threads threads);

/// The mean of every column, zeros included.
template <Real T, Index I>
std::vector<double> column_means(CsrView<const T, I> matrix, Threads threads);

}  // namespace cellweave
