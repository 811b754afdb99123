#pragma once
#include <cstdint>
#include <vector>

#include "core/parallel.hpp"
#include "core/views.hpp"
#include "linalg/eigen_views.hpp"

namespace cellweave {

/// How gram_of_entries() goes about a matrix.
struct GramPlan {
    /// Those whose columns are multiplied as dense ones, a multiple of 32.
    std::vector<std::int32_t> common_genes;
    /// In products of dense columns, in double.
    double cost = 0;
};

/// Chooses the common genes. In counts, a few genes are in most cells and hold most of the pairs of entries: as dense
/// columns they take a fraction of the time. Cost: one read of the indices.
template <Real T, Index I>
GramPlan plan_gram(CsrView<const T, I> matrix, Threads threads);

/// A^T A of a sparse matrix, in double. Two common genes are multiplied as dense columns, a rare gene's entries with
/// strips of 32 common genes, whose sums stay in registers, and the rare entries of a row pair by pair.
///
/// Cost: plan.cost. Pairs run gene by gene over a block of rows that stays in the cache with its transpose, so that one
/// line of the result (8 x n_cols bytes) is in the first-level cache.
/// Scratch: the result, its columns of the common genes again, and two blocks of at most 2^18 entries (or one row) and
/// 2^18 dense values.
/// Determinism: every sum has one owner and runs over the rows in order.
///
/// Rows may be unsorted and hold an entry twice, which counts as their sum.
template <Real T, Index I>
RowMatrix<double> gram_of_entries(CsrView<const T, I> matrix, const GramPlan& plan, Threads threads);

}  // namespace cellweave
