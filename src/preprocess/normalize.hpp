#pragma once
#include <optional>
#include <span>
#include <string>

#include "core/parallel.hpp"
#include "core/views.hpp"

namespace cellweave {

/// Sum of every row, in double. Bytes that must move: `data` once; indices are not read.
/// Determinism: a row is summed in storage order by one thread.
///
/// @param name  how the caller knows the matrix; starts the message.
/// @returns whether a value is negative.
/// @throws InvalidInput  a value is infinite or NaN.
template <Real T, Index I>
bool count_totals(CsrView<const T, I> counts, std::span<double> totals, const std::string& name, Threads threads);
template <Real T>
bool count_totals(DenseView<const T> counts, std::span<double> totals, const std::string& name, Threads threads);

/// Marks the genes that hold more than `max_fraction` of some cell's total. Bytes: `data` and `indices` once.
///
/// @param[out] is_high  n_genes, 1 for those genes.
template <Real T, Index I>
void find_dominant_genes(CsrView<const T, I> counts, std::span<const double> totals, double max_fraction,
                         std::span<std::uint8_t> is_high, Threads threads);
template <Real T>
void find_dominant_genes(DenseView<const T> counts, std::span<const double> totals, double max_fraction,
                         std::span<std::uint8_t> is_high, Threads threads);

/// Sum of every row over the genes that are not marked, in double. Bytes: `data` and `indices` once.
template <Real T, Index I>
void totals_without(CsrView<const T, I> counts, std::span<const std::uint8_t> is_left_out, std::span<double> totals,
                    Threads threads);
template <Real T>
void totals_without(DenseView<const T> counts, std::span<const std::uint8_t> is_left_out, std::span<double> totals,
                    Threads threads);

/// Divides every row by its own divisor, in place, in the precision of the matrix. Cannot be interrupted.
/// Bytes that must move: `data` once in and once out.
template <Real T, Index I>
void divide_rows(CsrView<T, I> counts, std::span<const double> divisors, Threads threads);
template <Real T>
void divide_rows(DenseView<T> counts, std::span<const double> divisors, Threads threads);

/// What log1p_in_place() met; numpy warns about both.
struct Log1pWarnings {
    bool is_minus_one_met = false;    ///< a result is -inf
    bool is_below_minus_one = false;  ///< a result is NaN
};

/// Replaces every value by log(1 + value), divided by log(base) if a base is given. Cannot be interrupted.
/// Bytes that must move: the values once in and once out.
template <Real T>
Log1pWarnings log1p_in_place(std::span<T> values, std::optional<double> base, Threads threads);

}  // namespace cellweave
