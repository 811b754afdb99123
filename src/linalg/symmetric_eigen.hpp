#pragma once
#include <Eigen/Core>

namespace cellweave {

struct SymmetricEigen {
    Eigen::VectorXd values;   ///< rising
    Eigen::MatrixXd vectors;  ///< a column each, orthonormal
    bool has_converged;
};

/// The complete decomposition of a small symmetric matrix, on one thread. Compiled in one place: it is large.
SymmetricEigen symmetric_eigen(const Eigen::MatrixXd& matrix);

}  // namespace cellweave
