#include "preprocess/scale.hpp"

#include <algorithm>
#include <vector>

#include "core/chunks.hpp"
#include "core/error.hpp"
#include "core/fetch.hpp"
#include "core/monitor.hpp"
#include "sparse/check.hpp"
#include "sparse/rows.hpp"

namespace cellweave {

namespace {

constexpr Size entries_per_chunk = 1 << 19;

bool is_chosen(std::span<const std::uint8_t> mask, Size row) {
    return mask.empty() || mask[static_cast<std::size_t>(row)] != 0;
}

/// One value, in the steps and the precision in which scanpy takes them.
template <class T, bool zero_center, bool has_max>
struct Scaler {
    T max = 0;

    T operator()(double value, double mean, double std) const {
        const T centered = zero_center ? static_cast<T>(value - mean) : static_cast<T>(value);
        T scaled = static_cast<T>(static_cast<double>(centered) / std);
        if constexpr (has_max) scaled = scaled > max ? max : scaled;
        if constexpr (has_max && zero_center) scaled = scaled < -max ? -max : scaled;
        return scaled;
    }
};

/// Calls `f` with the Scaler for `options`.
template <class T, class F>
void with_scaler(const ScaleOptions& options, F&& f) {
    const T max = static_cast<T>(options.max_value.value_or(0));
    if (options.zero_center && options.max_value) return f(Scaler<T, true, true>{max});
    if (options.zero_center) return f(Scaler<T, true, false>{});
    if (options.max_value) return f(Scaler<T, false, true>{max});
    f(Scaler<T, false, false>{});
}

/// Writes every row of `matrix` to `out`, the chosen ones scaled.
template <class T, class I, class Out, class Scaled>
void write_scaled(const CsrView<const T, I>& matrix, std::span<const std::uint8_t> mask, std::span<const double> means,
                  std::span<const double> stds, const Scaled& scaled, const DenseView<Out>& out, Threads threads) {
    std::vector<Out> of_zero(means.size());
    for (std::size_t col = 0; col < means.size(); ++col) of_zero[col] = scaled(0, means[col], stds[col]);
    const Grain grain = chunk_of_lines(matrix.n_rows(), matrix.n_rows() * matrix.n_cols(), entries_per_chunk);
    parallel_for(matrix.n_rows(), grain, threads, [&](Range rows) {
        std::vector<double> unpacked(means.size());
        for (const Size row : rows) {
            const auto line = matrix.row(row);
            const std::span<Out> values = out.row(row);
            if (!is_chosen(mask, row)) {
                unpack_row(matrix, row, values);
            } else if (rises_within(line.indices, matrix.n_cols())) {
                std::ranges::copy(of_zero, values.begin());
                const auto write = [&](Size entry) {
                    const auto k = static_cast<std::size_t>(entry);
                    const auto col = static_cast<std::size_t>(line.indices[k]);
                    values[col] = scaled(static_cast<double>(line.values[k]), means[col], stds[col]);
                };
                each_while_fetching(line.size(), write, line.indices.data() + line.size(),
                                    line.values.data() + line.size());
            } else {  // a gene may occur twice
                unpack_row(matrix, row, std::span(unpacked));
                for (std::size_t col = 0; col < unpacked.size(); ++col)
                    values[col] = scaled(unpacked[col], means[col], stds[col]);
            }
        }
    });
}

}  // namespace

template <Real T>
void scale_in_place(DenseView<T> matrix, std::span<const std::uint8_t> mask, std::span<const double> means,
                    std::span<const double> stds, const ScaleOptions& options, Threads threads) {
    const Uninterrupted guard;
    const Grain grain = chunk_of_lines(matrix.n_rows(), matrix.n_rows() * matrix.n_cols(), entries_per_chunk);
    with_scaler<T>(options, [&](const auto& scaled) {
        parallel_for(matrix.n_rows(), grain, threads, [&](Range rows) {
            for (const Size row : rows) {
                if (!is_chosen(mask, row)) continue;
                const std::span<T> values = matrix.row(row);
                for (std::size_t col = 0; col < values.size(); ++col)
                    values[col] = scaled(static_cast<double>(values[col]), means[col], stds[col]);
            }
        });
    });
}

template <Real T, Index I>
void scale_in_place(CsrView<T, I> matrix, std::span<const std::uint8_t> mask, std::span<const double> stds,
                    const ScaleOptions& options, Threads threads) {
    require(!options.zero_center, "a sparse matrix cannot be centred in place");
    const Uninterrupted guard;
    const Grain grain = chunk_of_lines(matrix.n_rows(), matrix.nnz(), entries_per_chunk);
    with_scaler<T>(options, [&](const auto& scaled) {
        parallel_for(matrix.n_rows(), grain, threads, [&](Range rows) {
            for (const Size row : rows) {
                if (!is_chosen(mask, row)) continue;
                const auto line = matrix.row(row);
                for (std::size_t k = 0; k < line.values.size(); ++k) {
                    const auto col = static_cast<std::size_t>(line.indices[k]);
                    line.values[k] = scaled(static_cast<double>(line.values[k]), 0, stds[col]);
                }
            }
        });
    });
}

template <Real T, Index I>
void scale_in_place(CscView<T, I> matrix, std::span<const std::uint8_t> mask, std::span<const double> stds,
                    const ScaleOptions& options, Threads threads) {
    require(!options.zero_center, "a sparse matrix cannot be centred in place");
    const Uninterrupted guard;
    const Grain grain = chunk_of_lines(matrix.n_cols(), matrix.nnz(), entries_per_chunk);
    with_scaler<T>(options, [&](const auto& scaled) {
        parallel_for(matrix.n_cols(), grain, threads, [&](Range cols) {
            for (const Size col : cols) {
                const auto line = matrix.col(col);
                const double std = stds[static_cast<std::size_t>(col)];
                for (std::size_t k = 0; k < line.values.size(); ++k) {
                    if (!is_chosen(mask, static_cast<Size>(line.indices[k]))) continue;
                    line.values[k] = scaled(static_cast<double>(line.values[k]), 0, std);
                }
            }
        });
    });
}

template <Real T, Index I, Real Out>
void scale_to_dense(CsrView<const T, I> matrix, std::span<const std::uint8_t> mask, std::span<const double> means,
                    std::span<const double> stds, const ScaleOptions& options, DenseView<Out> out, Threads threads) {
    with_scaler<Out>(options,
                     [&](const auto& scaled) { write_scaled(matrix, mask, means, stds, scaled, out, threads); });
}

#define CELLWEAVE_INSTANTIATE(T, I)                                                                                   \
    template void scale_in_place<T, I>(CsrView<T, I>, std::span<const std::uint8_t>, std::span<const double>,         \
                                       const ScaleOptions&, Threads);                                                 \
    template void scale_in_place<T, I>(CscView<T, I>, std::span<const std::uint8_t>, std::span<const double>,         \
                                       const ScaleOptions&, Threads);                                                 \
    template void scale_to_dense<T, I, float>(CsrView<const T, I>, std::span<const std::uint8_t>,                     \
                                              std::span<const double>, std::span<const double>, const ScaleOptions&,  \
                                              DenseView<float>, Threads);                                             \
    template void scale_to_dense<T, I, double>(CsrView<const T, I>, std::span<const std::uint8_t>,                    \
                                               std::span<const double>, std::span<const double>, const ScaleOptions&, \
                                               DenseView<double>, Threads);
#define CELLWEAVE_INSTANTIATE_ALL(T)                                                                      \
    CELLWEAVE_INSTANTIATE(T, std::int32_t)                                                                \
    CELLWEAVE_INSTANTIATE(T, std::int64_t)                                                                \
    template void scale_in_place<T>(DenseView<T>, std::span<const std::uint8_t>, std::span<const double>, \
                                    std::span<const double>, const ScaleOptions&, Threads);
CELLWEAVE_INSTANTIATE_ALL(float)
CELLWEAVE_INSTANTIATE_ALL(double)
#undef CELLWEAVE_INSTANTIATE_ALL
#undef CELLWEAVE_INSTANTIATE

}  // namespace cellweave
