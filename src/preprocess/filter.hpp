#pragma once
#include <span>

#include "core/parallel.hpp"
#include "core/views.hpp"

namespace cellweave {

/// What is counted in a row or a column.
enum class Tally {
    totals,    ///< the sum of the values
    detected,  ///< how many values are above zero
};

/// Tallies every line (row of a CSR, column of a CSC). Bytes that must move: `data` once; indices are not read.
/// Determinism: a line is summed in double, in storage order, by one thread.
template <Number T, Index I>
void tally_lines(const CompressedView<const T, I>& counts, Tally tally, std::span<double> out, Threads threads);

/// Tallies across the lines: every column of a CSR, every row of a CSC. Bytes that must move: `data` and `indices`
/// once. Scratch: 2 x threads x 8 bytes a column. Determinism: chunks of lines follow from the shape and meet in order.
/// @throws IndexOutOfRange  see sparse/check.hpp; only the lines need have been checked.
template <Number T, Index I>
void tally_across(const CompressedView<const T, I>& counts, Tally tally, std::span<double> out, Threads threads);

/// Tallies every row of a dense matrix. Bytes that must move: the matrix once.
template <Number T>
void tally_rows(DenseView<const T> counts, Tally tally, std::span<double> out, Threads threads);

/// Tallies every column of a dense matrix. Bytes that must move: the matrix once.
template <Number T>
void tally_cols(DenseView<const T> counts, Tally tally, std::span<double> out, Threads threads);

}  // namespace cellweave
