#pragma once
#include <Eigen/Core>

#include "core/large_pages.hpp"
#include "core/views.hpp"

namespace cellweave {

/// A row-major Eigen matrix that owns its values.
template <class S>
using RowMatrix = Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// A matrix of zeros, in large pages where it is large.
template <class S>
RowMatrix<S> zeros(Size n_rows, Size n_cols) {
    RowMatrix<S> matrix(n_rows, n_cols);
    prefer_large_pages(matrix.data(), static_cast<std::size_t>(matrix.size()) * sizeof(S));
    matrix.setZero();
    return matrix;
}

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
