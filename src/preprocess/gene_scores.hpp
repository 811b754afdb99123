#pragma once
#include <span>

#include "core/parallel.hpp"
#include "core/views.hpp"

namespace cellweave {

/// Sums that leave out missing values (NaN), and how many of those there were.
struct SumsWithoutMissing {
    std::span<double> sums;
    std::span<std::int64_t> n_missing;
};

/// Sums of every column over the rows of a CSR matrix. Bytes that must move: `data` and `indices` once.
/// Scratch: 2 x threads x 16 bytes a column. Determinism: in double; chunks of rows follow from the shape, in order.
/// @throws IndexOutOfRange  see sparse/check.hpp; only the lines need have been checked.
template <Real T, Index I>
void sum_columns(CsrView<const T, I> x, const SumsWithoutMissing& out, Threads threads);
/// The same for CSC. Bytes that must move: `data` once.
template <Real T, Index I>
void sum_columns(CscView<const T, I> x, const SumsWithoutMissing& out, Threads threads);

/// Sums of every row over two sets of columns. Bytes that must move: `data` and `indices` once.
///
/// @param      sets  n_cols: bit 0 for members of the first set, bit 1 for members of the second.
/// @param[out] out   2 x n_rows, the first set first.
template <Real T, Index I>
void sum_sets(CsrView<const T, I> x, std::span<const std::uint8_t> sets, const SumsWithoutMissing& out,
              Threads threads);
/// The same for CSC. Bytes that must move: `data` and `indices` of the members. Scratch: 2 x threads x 32 bytes a row.
template <Real T, Index I>
void sum_sets(CscView<const T, I> x, std::span<const std::uint8_t> sets, const SumsWithoutMissing& out,
              Threads threads);

}  // namespace cellweave
