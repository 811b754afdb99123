#include "preprocess/normalize.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <vector>

#include "core/chunks.hpp"
#include "core/error.hpp"
#include "core/log.hpp"
#include "core/monitor.hpp"

namespace cellweave {

namespace {

constexpr Size entries_per_chunk = 1 << 19;

template <class T, class I>
Grain row_grain(const CsrView<T, I>& counts) {
    return chunk_of_lines(counts.n_rows(), counts.nnz(), entries_per_chunk);
}

template <class T>
Grain row_grain(const DenseView<T>& counts) {
    return chunk_of_lines(counts.n_rows(), counts.n_rows() * counts.n_cols(), entries_per_chunk);
}

/// Calls `visit(gene, value)` for the stored values of a row.
template <class T, class I, class Visit>
void for_each_in_row(const CsrView<const T, I>& counts, Size row, Visit&& visit) {
    const auto line = counts.row(row);
    for (std::size_t k = 0; k < line.values.size(); ++k)
        visit(static_cast<std::size_t>(line.indices[k]), line.values[k]);
}

template <class T, class Visit>
void for_each_in_row(const DenseView<const T>& counts, Size row, Visit&& visit) {
    const std::span<const T> values = counts.row(row);
    for (std::size_t gene = 0; gene < values.size(); ++gene) visit(gene, values[gene]);
}

template <class T, class I>
std::span<T> row_values(const CsrView<T, I>& counts, Size row) {
    return counts.row(row).values;
}

template <class T>
std::span<T> row_values(const DenseView<T>& counts, Size row) {
    return counts.row(row);
}

struct RowTotal {
    double sum;
    bool has_negative;
};

/// Sums in double, eight at a time, which compilers vectorise.
template <class T>
RowTotal checked_total(std::span<const T> values, Size cell, const std::string& name) {
    constexpr std::size_t n_lanes = 8;
    std::array<double, n_lanes> sums{};
    std::array<int, n_lanes> n_negative{};
    const std::size_t in_lanes = values.size() / n_lanes * n_lanes;
    const T* const from = values.data();
    for (std::size_t k = 0; k < in_lanes; k += n_lanes) {
        for (std::size_t lane = 0; lane < n_lanes; ++lane) {
            sums[lane] += static_cast<double>(from[k + lane]);
            n_negative[lane] |= static_cast<int>(from[k + lane] < T{0});
        }
    }
    for (std::size_t k = in_lanes; k < values.size(); ++k) {
        sums[k - in_lanes] += static_cast<double>(from[k]);
        n_negative[k - in_lanes] |= static_cast<int>(from[k] < T{0});
    }
    const double total = std::accumulate(sums.begin(), sums.end(), 0.0);
    require(std::isfinite(total), [&] {
        return name + " holds a NaN or infinite value in cell " + std::to_string(cell) +
               ". Remove such cells or genes, or fill them in.";
    });
    return {total, std::ranges::any_of(n_negative, [](int is_met) { return is_met != 0; })};
}

template <class View>
bool totals_of(const View& counts, std::span<double> totals, const std::string& name, Threads threads) {
    const auto partial = [&](Range rows) {
        int n_with_negative = 0;
        for (const Size row : rows) {
            const RowTotal total = checked_total(row_values(counts, row), row, name);
            totals[static_cast<std::size_t>(row)] = total.sum;
            n_with_negative += total.has_negative;
        }
        return n_with_negative;
    };
    const auto add = [](int& into, int&& next) { into += next; };
    return parallel_reduce(counts.n_rows(), row_grain(counts), threads, partial, add) > 0;
}

using Marks = std::vector<std::uint8_t>;

template <class View>
void dominant_genes_of(const View& counts, std::span<const double> totals, double max_fraction,
                       std::span<std::uint8_t> is_high, Threads threads) {
    const auto partial = [&](Range rows) {
        Marks marks(is_high.size(), 0);
        for (const Size row : rows) {
            const double bound = max_fraction * totals[static_cast<std::size_t>(row)];
            for_each_in_row(counts, row, [&](std::size_t gene, auto value) {
                if (static_cast<double>(value) > bound) marks[gene] = 1;
            });
        }
        return marks;
    };
    const auto merge = [](Marks& into, Marks&& next) {
        for (std::size_t gene = 0; gene < into.size(); ++gene) into[gene] |= next[gene];
    };
    const Marks marks = parallel_reduce(counts.n_rows(), row_grain(counts), threads, partial, merge);
    std::fill(is_high.begin(), is_high.end(), std::uint8_t{0});
    std::copy(marks.begin(), marks.end(), is_high.begin());
}

template <class View>
void totals_without_of(const View& counts, std::span<const std::uint8_t> is_left_out, std::span<double> totals,
                       Threads threads) {
    parallel_for(counts.n_rows(), row_grain(counts), threads, [&](Range rows) {
        for (const Size row : rows) {
            double total = 0;
            for_each_in_row(counts, row, [&](std::size_t gene, auto value) {
                if (!is_left_out[gene]) total += static_cast<double>(value);
            });
            totals[static_cast<std::size_t>(row)] = total;
        }
    });
}

template <class T, class View>
void divide_rows_of(const View& counts, std::span<const double> divisors, Threads threads) {
    const Uninterrupted guard;
    parallel_for(counts.n_rows(), row_grain(counts), threads, [&](Range rows) {
        for (const Size row : rows) {
            const T divisor = static_cast<T>(divisors[static_cast<std::size_t>(row)]);
            for (T& value : row_values(counts, row)) value /= divisor;
        }
    });
}

/// One block of log1p_in_place(); both flags of the result are rare.
template <class T>
Log1pWarnings log1p_block(std::span<T> values, T divisor) {
    Log1pWarnings warnings;
    int n_outside = 0;
    for (const T value : values) n_outside |= !is_in_log1p_range(value);
    if (n_outside == 0) {
        for (T& value : values) value = log1p_in_range(value);
    } else {
        for (T& value : values) {
            warnings.is_minus_one_met |= value == T{-1};
            warnings.is_below_minus_one |= value < T{-1};
            value = std::log1p(value);
        }
    }
    if (divisor != T{1}) {
        for (T& value : values) value /= divisor;
    }
    return warnings;
}

}  // namespace

template <Real T, Index I>
bool count_totals(CsrView<const T, I> counts, std::span<double> totals, const std::string& name, Threads threads) {
    return totals_of(counts, totals, name, threads);
}

template <Real T>
bool count_totals(DenseView<const T> counts, std::span<double> totals, const std::string& name, Threads threads) {
    return totals_of(counts, totals, name, threads);
}

template <Real T, Index I>
void find_dominant_genes(CsrView<const T, I> counts, std::span<const double> totals, double max_fraction,
                         std::span<std::uint8_t> is_high, Threads threads) {
    dominant_genes_of(counts, totals, max_fraction, is_high, threads);
}

template <Real T>
void find_dominant_genes(DenseView<const T> counts, std::span<const double> totals, double max_fraction,
                         std::span<std::uint8_t> is_high, Threads threads) {
    dominant_genes_of(counts, totals, max_fraction, is_high, threads);
}

template <Real T, Index I>
void totals_without(CsrView<const T, I> counts, std::span<const std::uint8_t> is_left_out, std::span<double> totals,
                    Threads threads) {
    totals_without_of(counts, is_left_out, totals, threads);
}

template <Real T>
void totals_without(DenseView<const T> counts, std::span<const std::uint8_t> is_left_out, std::span<double> totals,
                    Threads threads) {
    totals_without_of(counts, is_left_out, totals, threads);
}

template <Real T, Index I>
void divide_rows(CsrView<T, I> counts, std::span<const double> divisors, Threads threads) {
    divide_rows_of<T>(counts, divisors, threads);
}

template <Real T>
void divide_rows(DenseView<T> counts, std::span<const double> divisors, Threads threads) {
    divide_rows_of<T>(counts, divisors, threads);
}

template <Real T>
Log1pWarnings log1p_in_place(std::span<T> values, std::optional<double> base, Threads threads) {
    constexpr Size block = 2048;  // stays in the first-level cache between the range check and the logarithm
    const T divisor = base ? static_cast<T>(std::log(*base)) : T{1};
    const Uninterrupted guard;
    return parallel_reduce(
        static_cast<Size>(values.size()), Grain{128 * block}, threads,
        [&](Range chunk) {
            Log1pWarnings met;
            for (Size begin = chunk.begin_item; begin < chunk.end_item; begin += block) {
                const Size n = std::min(block, chunk.end_item - begin);
                const auto of_block =
                    log1p_block(values.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(n)), divisor);
                met.is_minus_one_met |= of_block.is_minus_one_met;
                met.is_below_minus_one |= of_block.is_below_minus_one;
            }
            return met;
        },
        [](Log1pWarnings& into, Log1pWarnings&& next) {
            into.is_minus_one_met |= next.is_minus_one_met;
            into.is_below_minus_one |= next.is_below_minus_one;
        });
}

#define CELLWEAVE_INSTANTIATE(T, I)                                                                           \
    template bool count_totals<T, I>(CsrView<const T, I>, std::span<double>, const std::string&, Threads);    \
    template void find_dominant_genes<T, I>(CsrView<const T, I>, std::span<const double>, double,             \
                                            std::span<std::uint8_t>, Threads);                                \
    template void totals_without<T, I>(CsrView<const T, I>, std::span<const std::uint8_t>, std::span<double>, \
                                       Threads);                                                              \
    template void divide_rows<T, I>(CsrView<T, I>, std::span<const double>, Threads);
#define CELLWEAVE_INSTANTIATE_ALL(T)                                                                                   \
    CELLWEAVE_INSTANTIATE(T, std::int32_t)                                                                             \
    CELLWEAVE_INSTANTIATE(T, std::int64_t)                                                                             \
    template bool count_totals<T>(DenseView<const T>, std::span<double>, const std::string&, Threads);                 \
    template void find_dominant_genes<T>(DenseView<const T>, std::span<const double>, double, std::span<std::uint8_t>, \
                                         Threads);                                                                     \
    template void totals_without<T>(DenseView<const T>, std::span<const std::uint8_t>, std::span<double>, Threads);    \
    template void divide_rows<T>(DenseView<T>, std::span<const double>, Threads);                                      \
    template Log1pWarnings log1p_in_place<T>(std::span<T>, std::optional<double>, Threads);
CELLWEAVE_INSTANTIATE_ALL(float)
CELLWEAVE_INSTANTIATE_ALL(double)
#undef CELLWEAVE_INSTANTIATE_ALL
#undef CELLWEAVE_INSTANTIATE

}  // namespace cellweave
