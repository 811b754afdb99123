#pragma once
#include <span>

#include "core/parallel.hpp"
#include "core/views.hpp"

namespace cellweave {

/// Taking lines, or positions within lines, out of a compressed matrix: rows and columns of a CSR, columns and rows of
/// a CSC. Values are moved as words of their size, whatever they mean.
///
/// Each selection goes in two steps, so that the caller can allocate between them: plan_*() writes the new indptr and
/// returns its last entry, copy_*() fills the new data and indices.
///
/// Bytes that must move: selecting lines, the chosen entries once in and once out; selecting positions, all indices
/// twice and all values once in, and the chosen entries out. No scratch.
/// The order of entries within a line is kept.

/// @param      lines   which lines, in the order wanted, each in [0, n_lines); repeats are allowed.
/// @param[out] indptr  lines.size() + 1.
/// @throws InvalidInput  the new matrix would hold more entries than I can count.
template <class W, Index I>
Size plan_lines(const CompressedView<const W, I>& from, std::span<const Size> lines, std::span<I> indptr);

/// @throws IndexOutOfRange  a chosen line holds an index outside of the matrix.
template <class W, Index I>
void copy_lines(const CompressedView<const W, I>& from, std::span<const Size> lines, std::span<const I> indptr, W* data,
                I* indices, Threads threads);

/// @param      new_position  line_length: where each position goes, or -1 to leave it out.
/// @param[out] indptr        n_lines + 1.
/// @throws IndexOutOfRange   a line holds an index outside of the matrix.
template <class W, Index I>
Size plan_positions(const CompressedView<const W, I>& from, std::span<const I> new_position, std::span<I> indptr,
                    Threads threads);

template <class W, Index I>
void copy_positions(const CompressedView<const W, I>& from, std::span<const I> new_position, std::span<const I> indptr,
                    W* data, I* indices, Threads threads);

}  // namespace cellweave
