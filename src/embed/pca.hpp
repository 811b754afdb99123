#pragma once
#include <span>
#include <vector>

#include "core/parallel.hpp"
#include "core/views.hpp"
#include "linalg/eigen_views.hpp"

namespace cellweave {

/// Options of pca().
struct PcaOptions {
    /// Components wanted, 1 to min(n_cells, n_genes).
    Size n_components = 50;

    /// A covariance matrix (genes x genes or cells x cells, whichever is smaller) is formed up to this side; beyond it
    /// the matrix itself is multiplied. Takes 8 x side^2 bytes.
    Size largest_gram = 5000;
};

/// Principal components: the leading singular triplets of B = A - 1 shift^T.
template <Real S>
struct Pca {
    RowMatrix<S> scores;           ///< n_cells x n_components, B components^T
    RowMatrix<double> components;  ///< n_components x n_genes, orthonormal rows; the largest entry of each is positive
    std::vector<double> squares;   ///< n_components, squared singular values of B, falling
    double total_squares = 0;      ///< sum of all squared entries of B
    bool has_converged = true;
};

/// Exact principal component analysis of cells x genes, without densifying more than a block of a sparse matrix.
///
/// Solver: Gram matrix and block Lanczos where one side is at most largest_gram, else block Lanczos on the matrix
/// itself; converged to an angle of 1e-7. Signs as scikit-learn's svd_flip(u_based_decision=False), ties to the first.
///
/// Cost: n_cells x n_genes^2 flops for the Gram matrix (with the smaller side squared) at the speed of dense products,
/// or half the sum of squared row lengths where the pairs of entries of a sparse matrix are fewer (sparse/gram.hpp), or
/// 4 x nnz x 500 to 1,500 for the iteration. A dense matrix in which most cells hold the same value of a gene, as a
/// scaled one of counts, is decomposed as a sparse one of the values that differ (embed/common_values.hpp), at
/// sizeof(S) + 4 bytes for each. Scratch: 8 bytes x side^2, a block of 2^21 values; for the iteration
/// n_genes x 6 n_components doubles.
///
/// Matrix is CsrView<const S, I> or DenseView<const S>.
///
/// @param shift  what to subtract from every column, usually its mean; empty for nothing.
template <class Matrix, Real S>
Pca<S> pca(Matrix matrix, std::type_identity_t<std::span<const double>> shift, const PcaOptions& options,
           Threads threads);

/// B components^T for other cells: rows of `matrix` in the coordinates that pca() found.
template <class Matrix, Real S>
void project(Matrix matrix, std::span<const double> shift, const RowMatrix<double>& components, DenseView<S> scores,
             Threads threads);

}  // namespace cellweave
