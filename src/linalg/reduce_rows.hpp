#pragma once
#include <algorithm>
#include <span>
#include <vector>

#include "core/parallel.hpp"
#include "core/views.hpp"

namespace cellweave {

/// -mean^T right, one value per column of `right`; zeros when `mean` is empty. What centring adds to every row of A
/// right.
template <Real S>
std::vector<S> minus_mean_times(std::span<const double> mean, DenseView<const S> right) {
    std::vector<double> sums(static_cast<std::size_t>(right.n_cols()));
    for (std::size_t row = 0; row < mean.size(); ++row) {
        const auto values = right.row(static_cast<Size>(row));
        for (std::size_t column = 0; column < sums.size(); ++column) sums[column] -= mean[row] * values[column];
    }
    return {sums.begin(), sums.end()};
}

/// out = sum over chunks of rows of what `add` puts into a zeroed partial matrix, minus mean x (column sums of the
/// thin factor): the shape of every product with a transposed, implicitly centred matrix.
///
/// Chunk bounds depend on n_rows alone and partials meet in order. At most 2 x threads partials live at a time.
///
/// @param add  called as add(Range rows, DenseView<S> partial, std::span<double> column_sums); it adds to both.
template <Real S, class Add>
void sum_over_rows(Size n_rows, DenseView<S> out, std::span<const double> mean, Threads threads, Add&& add) {
    // Few enough parts that zeroing and merging partials stays small, short enough that Ctrl-C is seen.
    constexpr Size fewest_parts = 16;
    constexpr Size longest_part = 16384;
    const Grain grain{std::min(Grain::parts(n_rows, fewest_parts).size, longest_part)};
    struct Partial {
        std::vector<S> sum;
        std::vector<double> column_sums;
    };
    const Size n_columns = out.n_cols();
    Partial total = parallel_reduce(
        n_rows, grain, threads,
        [&](Range rows) {
            Partial partial{std::vector<S>(static_cast<std::size_t>(out.n_rows() * n_columns)),
                            std::vector<double>(static_cast<std::size_t>(n_columns))};
            add(rows, DenseView<S>(partial.sum.data(), out.n_rows(), n_columns),
                std::span<double>(partial.column_sums));
            return partial;
        },
        [](Partial& into, Partial&& next) {
            for (std::size_t k = 0; k < into.sum.size(); ++k) into.sum[k] += next.sum[k];
            for (std::size_t k = 0; k < into.column_sums.size(); ++k) into.column_sums[k] += next.column_sums[k];
        });
    if (n_rows == 0) {
        total.sum.resize(static_cast<std::size_t>(out.n_rows() * n_columns));
        total.column_sums.resize(static_cast<std::size_t>(n_columns));
    }
    for (Size row = 0; row < out.n_rows(); ++row) {
        const double shift = mean.empty() ? 0.0 : mean[static_cast<std::size_t>(row)];
        const S* const sums = total.sum.data() + row * n_columns;
        for (Size column = 0; column < n_columns; ++column) {
            out(row, column) =
                static_cast<S>(sums[column] - shift * total.column_sums[static_cast<std::size_t>(column)]);
        }
    }
}

}  // namespace cellweave
