#pragma once
#include <Eigen/Core>
#include <cstdint>
#include <functional>

#include "core/parallel.hpp"
#include "core/views.hpp"
#include "linalg/eigen_views.hpp"

namespace cellweave {

/// Writes (matrix x vectors) for a symmetric n x n matrix that only the caller knows; both are n x (block width).
using SymmetricOperator = std::function<void(DenseView<const double> vectors, DenseView<double> images)>;

/// Options of leading_eigen().
struct LeadingEigenOptions {
    /// Eigenpairs wanted, the largest. At least 1.
    Size n_components = 50;

    /// Vectors multiplied at a time. Raise it where a pass over the matrix costs more than the arithmetic: wide blocks
    /// make fewer passes, narrow ones fewer products. An eigenvalue that occurs more often than this may be found fewer
    /// times than it occurs.
    Size block_width = 32;

    /// An eigenvector counts as found once its bound on the angle to the true one, residual / gap to the next
    /// eigenvalue, is below this; or its residual is down to rounding, where eigenvalues coincide.
    double tolerance = 1e-7;

    /// Gives up after this many blocks and returns what it has, with has_converged = false.
    int max_blocks = 600;

    /// Of the numbers that the iteration starts from.
    std::uint64_t seed = 0;

    /// What a progress bar says.
    const char* stage = "principal components";
};

/// The largest eigenvalues of a symmetric matrix, falling, and their vectors (columns of n x n_components).
struct LeadingEigen {
    Eigen::VectorXd values;
    RowMatrix<double> vectors;
    bool has_converged = true;
    /// An upper bound on the smallest eigenvalue: the smallest one within a basis on the way.
    double smallest_within = 0;

    /// Turns each vector so that its largest entry is positive.
    void fix_signs();
};

/// Block Lanczos iteration with full reorthogonalisation and thick restarts (Golub and Underwood 1977; Wu and Simon
/// 2000), Rayleigh-Ritz on everything kept.
///
/// Cost: some 500 to 2,000 products with a vector, and 8 n x (basis) flops each. Scratch: a basis of about
/// n x max(6 n_components, 2 n_components + 4 block_width) doubles. The same answer always for the same seed, with any
/// number of threads.
LeadingEigen leading_eigen(Size n, const SymmetricOperator& multiply, const LeadingEigenOptions& options,
                           Threads threads);

/// The same for a matrix in memory. Small ones, and those of which more than an eighth of the pairs are wanted, are
/// decomposed completely (Householder and implicit QR).
LeadingEigen leading_eigen(const RowMatrix<double>& matrix, Size n_components, Threads threads);

}  // namespace cellweave
