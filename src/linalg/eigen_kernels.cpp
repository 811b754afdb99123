#include "linalg/eigen_kernels.hpp"

namespace Eigen::internal {
CELLWEAVE_EIGEN_GEMM(, float)
CELLWEAVE_EIGEN_GEMM(, double)
}  // namespace Eigen::internal
