#pragma once
#include <Eigen/Core>

/// The kernels under Eigen's matrix products, compiled once per engine (in eigen_kernels.cpp) rather than once in each
/// file that multiplies matrices. For the precompiled header only: a file that lacks it builds its own copies, which
/// the linker merges.

#define CELLWEAVE_EIGEN_GEMM(EXTERN, S)                                                                               \
    EXTERN template struct gebp_kernel<S, S, Index, blas_data_mapper<S, Index, ColMajor>, gebp_traits<S, S>::mr,      \
                                       gebp_traits<S, S>::nr, false, false>;                                          \
    EXTERN template struct gemm_pack_rhs<S, Index, const_blas_data_mapper<S, Index, ColMajor>, gebp_traits<S, S>::nr, \
                                         ColMajor>;                                                                   \
    EXTERN template struct gemm_pack_rhs<S, Index, const_blas_data_mapper<S, Index, RowMajor>, gebp_traits<S, S>::nr, \
                                         RowMajor>;                                                                   \
    EXTERN template struct gemm_pack_lhs<S, Index, const_blas_data_mapper<S, Index, ColMajor>, gebp_traits<S, S>::mr, \
                                         gebp_traits<S, S>::LhsProgress, gebp_traits<S, S>::LhsPacket4Packing,        \
                                         ColMajor>;                                                                   \
    EXTERN template struct gemm_pack_lhs<S, Index, const_blas_data_mapper<S, Index, RowMajor>, gebp_traits<S, S>::mr, \
                                         gebp_traits<S, S>::LhsProgress, gebp_traits<S, S>::LhsPacket4Packing,        \
                                         RowMajor>;                                                                   \
    EXTERN template struct general_matrix_vector_product<Index, S, const_blas_data_mapper<S, Index, RowMajor>,        \
                                                         RowMajor, false, S,                                          \
                                                         const_blas_data_mapper<S, Index, ColMajor>, false>;          \
    EXTERN template struct general_matrix_vector_product<Index, S, const_blas_data_mapper<S, Index, ColMajor>,        \
                                                         ColMajor, false, S,                                          \
                                                         const_blas_data_mapper<S, Index, RowMajor>, false>;

namespace Eigen::internal {
CELLWEAVE_EIGEN_GEMM(extern, float)
CELLWEAVE_EIGEN_GEMM(extern, double)
}  // namespace Eigen::internal
