#pragma once
#include <Eigen/Core>
#include <vector>

#include "core/parallel.hpp"
#include "core/views.hpp"
#include "linalg/eigen_views.hpp"

namespace cellweave {

/// Options of randomized_svd().
struct RandomizedSvdOptions {
    /// Singular triplets to return, 1 to min(n_rows, n_cols).
    Size n_components = 100;

    /// Power iterations. Each costs two more passes over the matrix and sharpens the last components.
    int n_iterations = 2;

    /// Subtract the column means, implicitly; otherwise the matrix is taken as it is.
    bool center = true;
};

/// A truncated singular value decomposition U diag(s) V^T. Signs are arbitrary.
template <Real S>
struct SingularTriplets {
    RowMatrix<S> left;      ///< n_rows x n_components, orthonormal columns
    std::vector<S> values;  ///< n_components, falling
    RowMatrix<S> right;     ///< n_components x n_cols, orthonormal rows
};

/// Randomised subspace iteration (Halko, Martinsson and Tropp 2009, algorithms 4.4 and 5.1), the approximation that
/// fbpca.pca computes: from the same start matrix the same subspace, hence the same triplets up to sign and rounding.
/// As there, a matrix with min(n_rows, n_cols) <= 1.25 x (columns of the start) is decomposed exactly.
///
/// Matrix is CsrView<const float|double, I> or DenseView<const float|double>; S is the type computed in. A float matrix
/// may be computed in double.
///
/// Cost: 2 n_iterations + 2 products with l columns (l = columns of the start), 2 x nnz x l flops each.
/// Scratch: n_rows x l and n_cols x l values, and 2 x threads partial matrices of n_cols x l.
/// For the exact branch: a dense copy of the matrix, whose smaller side is at most 1.25 l.
///
/// @param start  random matrix with l >= n_components columns: n_cols x l if n_rows >= n_cols, else n_rows x l (the
///               transpose of fbpca's).
/// @throws InvalidInput  n_components out of range, or a start of the wrong shape.
template <class Matrix, Real S>
SingularTriplets<S> randomized_svd(Matrix matrix, DenseView<const S> start, const RandomizedSvdOptions& options,
                                   Threads threads);

}  // namespace cellweave
