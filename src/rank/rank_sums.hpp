#pragma once
#include <optional>

#include "core/parallel.hpp"
#include "core/views.hpp"
#include "sparse/moments.hpp"

namespace cellweave {

/// Where rank_sums() writes, groups x genes.
struct RankSums {
    /// Sum of the ranks of the group's cells; values that are equal share the mean of their ranks.
    DenseView<double> sums;
    /// Sum of t^3 - t over every value, where t is the number of ranked cells that have it.
    DenseView<double> ties;
};

/// Ranks the cells by each gene and sums the ranks of each group: what the rank-sum test of Wilcoxon (1945), which is
/// that of Mann and Whitney (1947), is made of. A gene is sorted once, whatever the number of groups.
///
/// Bytes that must move: the matrix once; CSR: its indices twice, for they tell first where in each row a block of
/// genes begins. Cost: a radix sort of the values other than zero, which are counted alone.
///
/// Scratch: for each thread 8 bytes (float64: 16) for each of about 2^21 entries, or of one gene's if these are more,
/// and as many again for one gene; CSR: at least 32 entries a row, and 4 bytes a row and block.
///
/// Determinism: ranks are whole or half numbers, whose sums are exact below 2^52: the bytes depend on the input alone.
///
/// @param cells      without NaN; the indices of a CSR row rise.
/// @param reference  Unset: cells are ranked among all cells, also those of no group. Else: those of each group among
///                   themselves and the cells of this one, whose own row of the results is 0.
template <Real T, Index I>
void rank_sums(CsrView<const T, I> cells, const CellGroups& groups, std::optional<Size> reference, const RankSums& out,
               Threads threads);
template <Real T, Index I>
void rank_sums(CscView<const T, I> cells, const CellGroups& groups, std::optional<Size> reference, const RankSums& out,
               Threads threads);
template <Real T>
void rank_sums(DenseView<const T> cells, const CellGroups& groups, std::optional<Size> reference, const RankSums& out,
               Threads threads);

}  // namespace cellweave
