#pragma once
#include <Eigen/Core>

#include "core/views.hpp"

namespace cellweave {

/// A row-major Eigen matrix that owns its values.
template <class S>
using RowMatrix = Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Eigen's eyes on a view: no copy.
template <class S>
Eigen::Map<const RowMatrix<S>, Eigen::Unaligned, Eigen::OuterStride<>> as_eigen(DenseView<const S> view) {
    return {view.data(), view.n_rows(), view.n_cols(), Eigen::OuterStride<>(view.row_stride())};
}

template <class S>
requires(!std::is_const_v<S>) Eigen::Map<RowMatrix<S>, Eigen::Unaligned, Eigen::OuterStride<>> as_eigen(
    DenseView<S> view) {
    return {view.data(), view.n_rows(), view.n_cols(), Eigen::OuterStride<>(view.row_stride())};
}

/// A view of a row-major Eigen matrix.
template <class S>
DenseView<S> as_view(RowMatrix<S>& matrix) {
    return {matrix.data(), matrix.rows(), matrix.cols()};
}

template <class S>
DenseView<const S> as_view(const RowMatrix<S>& matrix) {
    return {matrix.data(), matrix.rows(), matrix.cols()};
}

}  // namespace cellweave
