#include "sparse/products.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <vector>

#include "linalg/reduce_rows.hpp"

namespace cellweave {

namespace {

constexpr Grain rows_per_chunk{256};

/// The columns that one pass over a row's entries carries, in `n` registers.
template <Real S, int n>
struct Panel {
    using Packet = typename Eigen::internal::packet_traits<S>::type;
    static constexpr int n_packets = n;
    static constexpr int lanes = Eigen::internal::packet_traits<S>::size;
};

/// The same in `n` single values.
template <Real S, int n>
struct Remainder {
    using Packet = S;
    static constexpr int n_packets = n;
    static constexpr int lanes = 1;
};

/// Calls f(panel, first column) for panels that cover n_columns, widest first. Thirteen registers hold the 104 columns
/// that randomized_svd() has for 100 components, and leave a factor and a product room in the 16 of AVX2.
template <Real S, class F>
void for_panels(Size n_columns, F&& f) {
    Size column = 0;
    const auto take = [&]<class P>(P panel) {
        constexpr Size width = P::n_packets * P::lanes;
        for (; column + width <= n_columns; column += width) f(panel, column);
    };
    take(Panel<S, 13>{});
    take(Panel<S, 8>{});
    take(Panel<S, 4>{});
    take(Panel<S, 2>{});
    take(Panel<S, 1>{});
    take(Remainder<S, 4>{});
    take(Remainder<S, 2>{});
    take(Remainder<S, 1>{});
}

/// out[column...] += sum over the row's entries of value x right(entry's gene, column...), a panel of columns.
template <class P, class T, class I, Real S>
void gather_panel(P, const SparseLine<T, I>& row, const S* right, Size stride, S* out) {
    using namespace Eigen::internal;
    using Packet = typename P::Packet;
    constexpr int n = P::n_packets;
    constexpr int lanes = P::lanes;
    Packet sums[n];
    for (int r = 0; r < n; ++r) sums[r] = ploadu<Packet>(out + r * lanes);
    for (std::size_t k = 0; k < row.values.size(); ++k) {
        const Packet value = pset1<Packet>(static_cast<S>(row.values[k]));
        const S* const columns = right + static_cast<Size>(row.indices[k]) * stride;
        for (int r = 0; r < n; ++r) sums[r] = padd(sums[r], pmul(value, ploadu<Packet>(columns + r * lanes)));
    }
    for (int r = 0; r < n; ++r) pstoreu(out + r * lanes, sums[r]);
}

/// out(entry's gene, column...) += value x left[column...] for each of the row's entries, a panel of columns.
template <class P, class T, class I, Real S>
void scatter_panel(P, const SparseLine<T, I>& row, const S* left, S* out, Size stride) {
    using namespace Eigen::internal;
    using Packet = typename P::Packet;
    constexpr int n = P::n_packets;
    constexpr int lanes = P::lanes;
    Packet factors[n];
    for (int r = 0; r < n; ++r) factors[r] = ploadu<Packet>(left + r * lanes);
    for (std::size_t k = 0; k < row.values.size(); ++k) {
        const Packet value = pset1<Packet>(static_cast<S>(row.values[k]));
        S* const columns = out + static_cast<Size>(row.indices[k]) * stride;
        for (int r = 0; r < n; ++r) {
            S* const at = columns + r * lanes;
            pstoreu(at, padd(ploadu<Packet>(at), pmul(value, factors[r])));
        }
    }
}

template <class T, class I, Real S>
void gather_row(const SparseLine<T, I>& row, DenseView<const S> right, S* out) {
    for_panels<S>(right.n_cols(), [&](auto panel, Size column) {
        gather_panel(panel, row, right.data() + column, right.row_stride(), out + column);
    });
}

template <class T, class I, Real S>
void scatter_row(const SparseLine<T, I>& row, const S* left, DenseView<S> out) {
    for_panels<S>(out.n_cols(), [&](auto panel, Size column) {
        scatter_panel(panel, row, left + column, out.data() + column, out.row_stride());
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
