#include "sparse/products.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <type_traits>
#include <vector>

#include "linalg/reduce_rows.hpp"

namespace cellweave {

namespace {

constexpr Grain rows_per_chunk{256};

/// The columns that one pass over a row's entries carries in registers: 64 floats or 32 doubles are eight of AVX2's.
template <Real S>
constexpr int widest_panel = 256 / static_cast<int>(sizeof(S));

/// Calls f.template operator()<width>(first column) for panels that cover n_columns: as many of `width` as fit, then
/// of half of it, down to single columns.
template <int width, class F>
void for_panels(Size n_columns, F&& f, Size column = 0) {
    for (; column + width <= n_columns; column += width) f(std::integral_constant<int, width>{}, column);
    if constexpr (width > 1) for_panels<width / 2>(n_columns, f, column);
}

/// out[column...] += sum over the row's entries of value x right(entry's gene, column...), `width` columns.
template <int width, class T, class I, Real S>
void gather_panel(const SparseLine<T, I>& row, const S* right, Size stride, S* out) {
    using Panel = Eigen::Array<S, width, 1>;
    Panel sum = Eigen::Map<const Panel>(out);
    for (std::size_t k = 0; k < row.values.size(); ++k) {
        sum +=
            static_cast<S>(row.values[k]) * Eigen::Map<const Panel>(right + static_cast<Size>(row.indices[k]) * stride);
    }
    Eigen::Map<Panel>{out} = sum;
}

/// out(entry's gene, column...) += value x left[column...] for each of the row's entries, `width` columns.
template <int width, class T, class I, Real S>
void scatter_panel(const SparseLine<T, I>& row, const S* left, S* out, Size stride) {
    using Panel = Eigen::Array<S, width, 1>;
    const Panel factor = Eigen::Map<const Panel>(left);
    for (std::size_t k = 0; k < row.values.size(); ++k) {
        Eigen::Map<Panel>(out + static_cast<Size>(row.indices[k]) * stride) += static_cast<S>(row.values[k]) * factor;
    }
}

template <class T, class I, Real S>
void gather_row(const SparseLine<T, I>& row, DenseView<const S> right, S* out) {
    for_panels<widest_panel<S>>(right.n_cols(), [&]<int width>(std::integral_constant<int, width>, Size column) {
        gather_panel<width>(row, right.data() + column, right.row_stride(), out + column);
    });
}

template <class T, class I, Real S>
void scatter_row(const SparseLine<T, I>& row, const S* left, DenseView<S> out) {
    for_panels<widest_panel<S>>(out.n_cols(), [&]<int width>(std::integral_constant<int, width>, Size column) {
        scatter_panel<width>(row, left + column, out.data() + column, out.row_stride());
    });
}

}  // namespace

template <Real T, Index I, Real S>
void multiply(CsrView<const T, I> matrix, DenseView<const S> right, DenseView<S> out, std::span<const double> mean,
              Threads threads) {
    assert(right.n_rows() == matrix.n_cols() && out.n_rows() == matrix.n_rows() && out.n_cols() == right.n_cols());
    const std::vector<S> shift = minus_mean_times(mean, right);
    parallel_for(matrix.n_rows(), rows_per_chunk, threads, [&](Range rows) {
        for (const Size row : rows) {
            std::copy(shift.begin(), shift.end(), out.row_data(row));
            gather_row(matrix.row(row), right, out.row_data(row));
        }
    });
}

template <Real T, Index I, Real S>
void multiply_transposed(CsrView<const T, I> matrix, DenseView<const S> left, DenseView<S> out,
                         std::span<const double> mean, Threads threads) {
    assert(left.n_rows() == matrix.n_rows() && out.n_rows() == matrix.n_cols() && out.n_cols() == left.n_cols());
    sum_over_rows(matrix.n_rows(), out, mean, threads,
                  [&](Range rows, DenseView<S> partial, std::span<double> column_sums) {
                      for (const Size row : rows) {
                          scatter_row(matrix.row(row), left.row_data(row), partial);
                          for (Size column = 0; column < left.n_cols(); ++column)
                              column_sums[column] += left(row, column);
                      }
                  });
}

template <Real T, Index I, Real S>
void multiply_gram(CsrView<const T, I> matrix, DenseView<const S> right, DenseView<S> out, std::span<const double> mean,
                   Threads threads) {
    assert(right.n_rows() == matrix.n_cols() && out.n_rows() == matrix.n_cols() && out.n_cols() == right.n_cols());
    const std::vector<S> shift = minus_mean_times(mean, right);
    sum_over_rows(matrix.n_rows(), out, mean, threads,
                  [&](Range rows, DenseView<S> partial, std::span<double> column_sums) {
                      std::vector<S> image(shift.size());
                      for (const Size row : rows) {
                          std::copy(shift.begin(), shift.end(), image.begin());
                          gather_row(matrix.row(row), right, image.data());
                          scatter_row(matrix.row(row), image.data(), partial);
                          for (std::size_t column = 0; column < image.size(); ++column)
                              column_sums[column] += image[column];
                      }
                  });
}

template <Real T, Index I>
std::vector<double> column_means(CsrView<const T, I> matrix, Threads threads) {
    std::vector<double> means(static_cast<std::size_t>(matrix.n_cols()));
    const std::vector<double> ones(static_cast<std::size_t>(matrix.n_rows()), 1.0);
    const DenseView<const double> one_column(ones.data(), matrix.n_rows(), 1);
    multiply_transposed(matrix, one_column, DenseView<double>(means.data(), matrix.n_cols(), 1), {}, threads);
    for (double& mean : means) mean /= static_cast<double>(matrix.n_rows());
    return means;
}

#define CELLWEAVE_PRODUCTS(T, I, S)                                                                                 \
    template void multiply<T, I, S>(CsrView<const T, I>, DenseView<const S>, DenseView<S>, std::span<const double>, \
                                    Threads);                                                                       \
    template void multiply_transposed<T, I, S>(CsrView<const T, I>, DenseView<const S>, DenseView<S>,               \
                                               std::span<const double>, Threads);                                   \
    template void multiply_gram<T, I, S>(CsrView<const T, I>, DenseView<const S>, DenseView<S>,                     \
                                         std::span<const double>, Threads);
#define CELLWEAVE_MATRICES(T, I)     \
    CELLWEAVE_PRODUCTS(T, I, float)  \
    CELLWEAVE_PRODUCTS(T, I, double) \
    template std::vector<double> column_means<T, I>(CsrView<const T, I>, Threads);
CELLWEAVE_MATRICES(float, std::int32_t)
CELLWEAVE_MATRICES(float, std::int64_t)
CELLWEAVE_MATRICES(double, std::int32_t)
CELLWEAVE_MATRICES(double, std::int64_t)
#undef CELLWEAVE_MATRICES
#undef CELLWEAVE_PRODUCTS

}  // namespace cellweave
