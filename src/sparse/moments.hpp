#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "core/parallel.hpp"
#include "core/views.hpp"

namespace cellweave {

/// Which batch each cell belongs to.
struct CellGroups {
    /// Group of every cell, 0 to n_groups - 1; a negative number leaves the cell out. Empty: all cells are group 0.
    std::span<const std::int32_t> of_cell;
    Size n_groups = 1;
};

/// What happens to a value before it is summed.
struct MomentsOptions {
    /// Sum e^(v * log_base) - 1 instead of v: undoes log1p. The exponential is taken in the matrix's own precision
    /// (integers: in double), as the original would do on a copy.
    bool undo_log1p = false;
    /// Natural logarithm of the base that log1p used. Ignored unless undo_log1p.
    double log_base = 1.0;
    /// groups x genes: sum min(v, cap) instead of v. Ignored if null.
    const DenseView<const double>* caps = nullptr;
    /// Sum what the caps, then at least 0, cut away instead: v - cap and v^2 - cap^2 where v > cap. Quicker, for most
    /// entries add nothing.
    bool above_caps = false;
};

/// What kinds of values were met; zeros that a sparse matrix does not store count as fine. A sum of what lies above the
/// caps tells nothing: the sums from which the caps come have told.
struct ValueKinds {
    bool has_negative = false;
    bool has_fraction = false;
    bool has_nonfinite = false;
};

/// Sums over the cells of every group, per gene, of the values and of their squares: all that means, variances and
/// dispersions need. The matrix is read where it lies, once, whatever the number of groups.
///
/// Cost: the bytes of the matrix once (CSR and CSC: nnz x (value + index), 8 bytes an entry for float32 with 32-bit
/// indices; dense: n x g values), and for CSR one addition to a 16-byte pair per entry, in a table of genes that stays
/// in the second-level cache.
/// Scratch: 16 bytes x genes for each of about 2 x threads chunks, 16 bytes x groups x genes, with groups 8 bytes a
/// cell. Determinism: sums are in double; a chunk of cells (of one group, bounds from the shape alone) is summed in
/// storage order, and chunks are added in order. Sums of integers are exact below 2^53, so they agree between layouts.
///
/// @param[out] sums     groups x genes.
/// @param[out] squares  groups x genes.
/// @throws InvalidInput     above_caps with a cap that is negative or NaN.
/// @throws IndexOutOfRange  see sparse/check.hpp; only the lines need have been checked.
template <Number T, Index I>
ValueKinds sum_moments(CsrView<const T, I> cells, const CellGroups& groups, const MomentsOptions& options,
                       DenseView<double> sums, DenseView<double> squares, Threads threads);

template <Number T, Index I>
ValueKinds sum_moments(CscView<const T, I> cells, const CellGroups& groups, const MomentsOptions& options,
                       DenseView<double> sums, DenseView<double> squares, Threads threads);

template <Number T>
ValueKinds sum_moments(DenseView<const T> cells, const CellGroups& groups, const MomentsOptions& options,
                       DenseView<double> sums, DenseView<double> squares, Threads threads);

/// The same for a dense matrix that lies gene by gene (genes x cells): numpy's Fortran order, read in place.
template <Number T>
ValueKinds sum_moments_of_rows(DenseView<const T> genes, const CellGroups& groups, const MomentsOptions& options,
                               DenseView<double> sums, DenseView<double> squares, Threads threads);

/// Number of cells of every group.
std::vector<Size> group_sizes(const CellGroups& groups, Size n_cells);

/// Turns sums and squares over n values into mean and variance in place, dividing by n - ddof (by n if that is 0).
/// The variance of nothing, or of one value, is 0; rounding below 0 is kept, as the original keeps it.
void finish_mean_variance(std::span<double> sums, std::span<double> squares, Size n, Size ddof);

}  // namespace cellweave
