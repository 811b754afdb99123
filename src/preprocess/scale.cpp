#include "preprocess/scale.hpp"

#include <algorithm>
#include <vector>

#include "core/chunks.hpp"
#include "core/error.hpp"
#include "core/monitor.hpp"
#include "sparse/rows.hpp"

namespace cellweave {

namespace {

constexpr Size entries_per_chunk = 1 << 19;

bool is_chosen(std::span<const std::uint8_t> mask, Size row) {
    return mask.empty() || mask[static_cast<std::size_t>(row)] != 0;
}

/// One value, in the steps and the precision in which scanpy takes them.
template <class T>
class Scaler {
public:
    explicit Scaler(const ScaleOptions& options) : zero_center_(options.zero_center), has_max_(options.max_value) {
        if (has_max_) max_ = static_cast<T>(*options.max_value);
    }

    T operator()(double value, double mean, double std) const {
        const T centered = zero_center_ ? static_cast<T>(value - mean) : static_cast<T>(value);
        T scaled = static_cast<T>(static_cast<double>(centered) / std);
        if (!has_max_) return scaled;
        scaled = scaled > max_ ? max_ : scaled;
        return zero_center_ && scaled < -max_ ? -max_ : scaled;
    }

private:
    bool zero_center_;
    bool has_max_;
    T max_ = 0;
};

}  // namespace

template <Real T>
void scale_in_place(DenseView<T> matrix, std::span<const std::uint8_t> mask, std::span<const double> means,
                    std::span<const double> stds, const ScaleOptions& options, Threads threads) {
    const Uninterrupted guard;
    const Scaler<T> scaled(options);
    const Grain grain = chunk_of_lines(matrix.n_rows(), matrix.n_rows() * matrix.n_cols(), entries_per_chunk);
    parallel_for(matrix.n_rows(), grain, threads, [&](Range rows) {
        for (const Size row : rows) {
            if (!is_chosen(mask, row)) continue;
            const std::span<T> values = matrix.row(row);
            for (std::size_t col = 0; col < values.size(); ++col)
                values[col] = scaled(static_cast<double>(values[col]), means[col], stds[col]);
        }
    });
}

template <Real T, Index I>
void scale_in_place(CsrView<T, I> matrix, std::span<const std::uint8_t> mask, std::span<const double> stds,
                    const ScaleOptions& options, Threads threads) {
    require(!options.zero_center, "a sparse matrix cannot be centred in place");
    const Uninterrupted guard;
    const Scaler<T> scaled(options);
    parallel_for(
        matrix.n_rows(), chunk_of_lines(matrix.n_rows(), matrix.nnz(), entries_per_chunk), threads, [&](Range rows) {
            for (const Size row : rows) {
                if (!is_chosen(mask, row)) continue;
                const auto line = matrix.row(row);
                for (std::size_t k = 0; k < line.values.size(); ++k)
                    line.values[k] =
                        scaled(static_cast<double>(line.values[k]), 0, stds[static_cast<std::size_t>(line.indices[k])]);
            }
        });
}

template <Real T, Index I>
void scale_in_place(CscView<T, I> matrix, std::span<const std::uint8_t> mask, std::span<const double> stds,
                    const ScaleOptions& options, Threads threads) {
    require(!options.zero_center, "a sparse matrix cannot be centred in place");
    const Uninterrupted guard;
    const Scaler<T> scaled(options);
    parallel_for(matrix.n_cols(), chunk_of_lines(matrix.n_cols(), matrix.nnz(), entries_per_chunk), threads,
                 [&](Range cols) {
                     for (const Size col : cols) {
                         const auto line = matrix.col(col);
                         for (std::size_t k = 0; k < line.values.size(); ++k) {
                             if (!is_chosen(mask, static_cast<Size>(line.indices[k]))) continue;
                             line.values[k] =
                                 scaled(static_cast<double>(line.values[k]), 0, stds[static_cast<std::size_t>(col)]);
                         }
                     }
                 });
}

template <Real T, Index I, Real Out>
void scale_to_dense(CsrView<const T, I> matrix, std::span<const std::uint8_t> mask, std::span<const double> means,
                    std::span<const double> stds, const ScaleOptions& options, DenseView<Out> out, Threads threads) {
    const Scaler<Out> scaled(options);
    std::vector<Out> of_zero(means.size());
    for (std::size_t col = 0; col < means.size(); ++col) of_zero[col] = scaled(0, means[col], stds[col]);
    const Grain grain = chunk_of_lines(matrix.n_rows(), matrix.n_rows() * matrix.n_cols(), entries_per_chunk);
    parallel_for(matrix.n_rows(), grain, threads, [&](Range rows) {
        std::vector<double> unpacked;
        for (const Size row : rows) {
            const auto line = matrix.row(row);
            const std::span<Out> values = out.row(row);
            const bool is_scaled = is_chosen(mask, row);
            const auto written = [&](double value, std::size_t col) {
                return is_scaled ? scaled(value, means[col], stds[col]) : static_cast<Out>(value);
            };
            if (std::ranges::adjacent_find(line.indices, std::ranges::greater_equal{}) != line.indices.end()) {
                // not canonical: a gene may occur twice
                unpacked.resize(means.size());
                unpack_row(matrix, row, std::span(unpacked));
                for (std::size_t col = 0; col < unpacked.size(); ++col) values[col] = written(unpacked[col], col);
                continue;
            }
            if (is_scaled) {
                std::copy(of_zero.begin(), of_zero.end(), values.begin());
            } else {
                std::fill(values.begin(), values.end(), Out{0});
            }
            for (std::size_t k = 0; k < line.values.size(); ++k) {
                const auto col = static_cast<std::size_t>(line.indices[k]);
                values[col] = written(static_cast<double>(line.values[k]), col);
            }
        }
    });
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
