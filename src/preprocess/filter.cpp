#include "preprocess/filter.hpp"

#include <algorithm>
#include <vector>

#include "core/chunks.hpp"
#include "sparse/check.hpp"

namespace cellweave {

namespace {

constexpr Size entries_per_chunk = 1 << 20;

template <class T>
double tallied(T value, Tally tally) {
    return tally == Tally::totals ? static_cast<double>(value) : static_cast<double>(value > T{0});
}

template <class T>
double tally_values(std::span<const T> values, Tally tally) {
    if (tally == Tally::totals) {
        // Four running sums: the additions of one do not wait for each other's result.
        double sums[4] = {0, 0, 0, 0};
        std::size_t k = 0;
        for (; k + 4 <= values.size(); k += 4)
            for (std::size_t lane = 0; lane < 4; ++lane) sums[lane] += static_cast<double>(values[k + lane]);
        for (; k < values.size(); ++k) sums[0] += static_cast<double>(values[k]);
        return (sums[0] + sums[1]) + (sums[2] + sums[3]);
    }
    Size n_detected = 0;
    for (const T value : values) n_detected += value > T{0};
    return static_cast<double>(n_detected);
}

using Partial = std::vector<double>;

void add(Partial& into, Partial&& next) {
    for (std::size_t k = 0; k < into.size(); ++k) into[k] += next[k];
}

void finish(const Partial& total, std::span<double> out) {
    std::fill(out.begin(), out.end(), 0.0);
    std::copy(total.begin(), total.end(), out.begin());
}

}  // namespace

template <Number T, Index I>
void tally_lines(const CompressedView<const T, I>& counts, Tally tally, std::span<double> out, Threads threads) {
    parallel_for(counts.n_lines(), chunk_of_lines(counts.n_lines(), counts.nnz(), entries_per_chunk), threads,
                 [&](Range lines) {
                     for (const Size line : lines)
                         out[static_cast<std::size_t>(line)] = tally_values(counts.line(line).values, tally);
                 });
}

template <Number T, Index I>
void tally_across(const CompressedView<const T, I>& counts, Tally tally, std::span<double> out, Threads threads) {
    const Size n_out = counts.line_length();
    const auto partial = [&](Range lines) {
        Partial sums(static_cast<std::size_t>(n_out), 0);
        for (const Size line : lines) {
            const auto entries = counts.line(line);
            require_indices_below(entries.indices, n_out);
            for (std::size_t k = 0; k < entries.values.size(); ++k)
                sums[static_cast<std::size_t>(entries.indices[k])] += tallied(entries.values[k], tally);
        }
        return sums;
    };
    const Grain grain = chunk_of_lines(counts.n_lines(), counts.nnz(), entries_per_chunk, n_out);
    finish(parallel_reduce(counts.n_lines(), grain, threads, partial, add), out);
}

template <Number T>
void tally_rows(DenseView<const T> counts, Tally tally, std::span<double> out, Threads threads) {
    const Grain grain = chunk_of_lines(counts.n_rows(), counts.n_rows() * counts.n_cols(), entries_per_chunk);
    parallel_for(counts.n_rows(), grain, threads, [&](Range rows) {
        for (const Size row : rows) {
            const std::span<const T> values = counts.row(row);
            out[static_cast<std::size_t>(row)] = tally_values(values, tally);
        }
    });
}

template <Number T>
void tally_cols(DenseView<const T> counts, Tally tally, std::span<double> out, Threads threads) {
    const auto partial = [&](Range rows) {
        Partial sums(static_cast<std::size_t>(counts.n_cols()), 0);
        for (const Size row : rows) {
            const T* const values = counts.row_data(row);
            for (std::size_t col = 0; col < sums.size(); ++col) sums[col] += tallied(values[col], tally);
        }
        return sums;
    };
    const Grain grain =
        chunk_of_lines(counts.n_rows(), counts.n_rows() * counts.n_cols(), entries_per_chunk, counts.n_cols());
    finish(parallel_reduce(counts.n_rows(), grain, threads, partial, add), out);
}

#define CELLWEAVE_INSTANTIATE(T, I)                                                                        \
    template void tally_lines<T, I>(const CompressedView<const T, I>&, Tally, std::span<double>, Threads); \
    template void tally_across<T, I>(const CompressedView<const T, I>&, Tally, std::span<double>, Threads);
#define CELLWEAVE_INSTANTIATE_ALL(T)                                                    \
    CELLWEAVE_INSTANTIATE(T, std::int32_t)                                              \
    CELLWEAVE_INSTANTIATE(T, std::int64_t)                                              \
    template void tally_rows<T>(DenseView<const T>, Tally, std::span<double>, Threads); \
    template void tally_cols<T>(DenseView<const T>, Tally, std::span<double>, Threads);
CELLWEAVE_INSTANTIATE_ALL(float)
CELLWEAVE_INSTANTIATE_ALL(double)
CELLWEAVE_INSTANTIATE_ALL(std::int32_t)
CELLWEAVE_INSTANTIATE_ALL(std::int64_t)
#undef CELLWEAVE_INSTANTIATE_ALL
#undef CELLWEAVE_INSTANTIATE

}  // namespace cellweave
