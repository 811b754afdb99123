#pragma once
#include <cstdint>
#include <span>

#include "core/parallel.hpp"
#include "core/views.hpp"

namespace cellweave {

/// Counts the stored entries of every cell among chosen genes: indptr[row + 1] = indptr[row] + entries of row.
///
/// @param new_gene        for every gene its place among the chosen ones, or -1.
/// @param[in,out] indptr  n_cells + 1; indptr[0] is given, the rest filled in.
template <Number T, Index I, Index J>
void count_chosen(CsrView<const T, I> counts, std::span<const std::int64_t> new_gene, std::span<J> indptr,
                  Threads threads);

/// Chooses and reorders the genes of `counts`, and scales every cell to Euclidean length one (a cell without counts
/// keeps its zeros).
///
/// Cost: two reads of `counts`. Determinism: one thread sums a cell's squares, in double and in storage order.
///
/// @param indptr          as count_chosen() left it: where the entries of each cell go.
/// @param normalize       false: choose and reorder only.
/// @param[out] values, genes  the whole arrays that indptr points into; genes rise within a cell.
template <Number T, Index I, Real Out, Index J>
void take_chosen(CsrView<const T, I> counts, std::span<const std::int64_t> new_gene, std::span<const J> indptr,
                 bool normalize, std::span<Out> values, std::span<J> genes, Threads threads);

}  // namespace cellweave
