#include "linalg/dense_products.hpp"

#include "linalg/eigen_views.hpp"
#include "linalg/reduce_rows.hpp"

namespace cellweave {

namespace {

constexpr Size rows_per_block = 128;

template <Real S>
using RowVector = Eigen::Matrix<S, 1, Eigen::Dynamic>;

/// Calls `f(block as a matrix of S, first row)` for the rows of `range`, `rows_per_block` at a time.
template <Real S, Real T, class F>
void for_blocks(DenseView<const T> matrix, Range range, F&& f) {
    for (Size begin = range.begin_item; begin < range.end_item; begin += rows_per_block) {
        const auto block = as_eigen(matrix.rows(begin, std::min(begin + rows_per_block, range.end_item)));
        if constexpr (std::is_same_v<S, T>) {
            f(block, begin);
        } else {
            f(RowMatrix<S>(block.template cast<S>()), begin);
        }
    }
}

template <Real S>
Eigen::Map<const RowVector<S>> as_row(const std::vector<S>& values) {
    return {values.data(), static_cast<Size>(values.size())};
}

/// A plain loop: Eigen's sums of columns are in another order where the result is not aligned.
template <class Block>
void add_columns(const Block& block, std::span<double> sums) {
    for (Size row = 0; row < block.rows(); ++row)
        for (Size column = 0; column < block.cols(); ++column)
            sums[static_cast<std::size_t>(column)] += static_cast<double>(block(row, column));
}

}  // namespace

template <Real T, Real S>
void multiply(DenseView<const T> matrix, DenseView<const S> right, DenseView<S> out, std::span<const double> mean,
              Threads threads) {
    assert(right.n_rows() == matrix.n_cols() && out.n_rows() == matrix.n_rows() && out.n_cols() == right.n_cols());
    const std::vector<S> shift = minus_mean_times(mean, right);
    parallel_for(matrix.n_rows(), Grain{rows_per_block}, threads, [&](Range rows) {
        for_blocks<S>(matrix, rows, [&](const auto& block, Size begin) {
            auto image = as_eigen(out.rows(begin, begin + block.rows()));
            image.noalias() = block * as_eigen(right);
            image.rowwise() += as_row(shift);
        });
    });
}

template <Real T, Real S>
void multiply_transposed(DenseView<const T> matrix, DenseView<const S> left, DenseView<S> out,
                         std::span<const double> mean, Threads threads) {
    assert(left.n_rows() == matrix.n_rows() && out.n_rows() == matrix.n_cols() && out.n_cols() == left.n_cols());
    sum_over_rows(matrix.n_rows(), out, mean, threads,
                  [&](Range rows, DenseView<S> partial, std::span<double> column_sums) {
                      for_blocks<S>(matrix, rows, [&](const auto& block, Size begin) {
                          const auto factor = as_eigen(left.rows(begin, begin + block.rows()));
                          as_eigen(partial).noalias() += block.transpose() * factor;
                          add_columns(factor, column_sums);
                      });
                  });
}

template <Real T, Real S>
void multiply_gram(DenseView<const T> matrix, DenseView<const S> right, DenseView<S> out, std::span<const double> mean,
                   Threads threads) {
    assert(right.n_rows() == matrix.n_cols() && out.n_rows() == matrix.n_cols() && out.n_cols() == right.n_cols());
    const std::vector<S> shift = minus_mean_times(mean, right);
    sum_over_rows(matrix.n_rows(), out, mean, threads,
                  [&](Range rows, DenseView<S> partial, std::span<double> column_sums) {
                      for_blocks<S>(matrix, rows, [&](const auto& block, Size) {
                          RowMatrix<S> image = block * as_eigen(right);
                          image.rowwise() += as_row(shift);
                          as_eigen(partial).noalias() += block.transpose() * image;
                          add_columns(image, column_sums);
                      });
                  });
}

template <Real T>
std::vector<double> column_means(DenseView<const T> matrix, Threads threads) {
    std::vector<double> means(static_cast<std::size_t>(matrix.n_cols()));
    const DenseView<double> out(means.data(), matrix.n_cols(), 1);
    sum_over_rows(matrix.n_rows(), out, {}, threads, [&](Range rows, DenseView<double> partial, std::span<double>) {
        for (const Size row : rows) {
            const T* const values = matrix.row_data(row);
            for (Size column = 0; column < matrix.n_cols(); ++column) partial.data()[column] += values[column];
        }
    });
    for (double& mean : means) mean /= static_cast<double>(matrix.n_rows());
    return means;
}

#define CELLWEAVE_PRODUCTS(T, S)                                                                                     \
    template void multiply<T, S>(DenseView<const T>, DenseView<const S>, DenseView<S>, std::span<const double>,      \
                                 Threads);                                                                           \
    template void multiply_transposed<T, S>(DenseView<const T>, DenseView<const S>, DenseView<S>,                    \
                                            std::span<const double>, Threads);                                       \
    template void multiply_gram<T, S>(DenseView<const T>, DenseView<const S>, DenseView<S>, std::span<const double>, \
                                      Threads);
CELLWEAVE_PRODUCTS(float, float)
CELLWEAVE_PRODUCTS(float, double)
CELLWEAVE_PRODUCTS(double, float)
CELLWEAVE_PRODUCTS(double, double)
#undef CELLWEAVE_PRODUCTS
template std::vector<double> column_means<float>(DenseView<const float>, Threads);
template std::vector<double> column_means<double>(DenseView<const double>, Threads);

}  // namespace cellweave
