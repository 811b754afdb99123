#pragma once
#include <span>
#include <vector>

#include "core/parallel.hpp"
#include "core/views.hpp"

namespace cellweave {

/// Options of describe_counts().
struct QcOptions {
    /// Rising numbers of genes, each at least 1: for each, how much of a cell lies in its so many strongest genes.
    std::vector<Size> top_ranks;
};

/// What describe_counts() finds out about each cell.
struct CellMetrics {
    /// n_cells: sum of the values.
    std::span<double> totals;
    /// n_cells: number of values that are not zero.
    std::span<std::int64_t> n_genes;
    /// n_cells x top_ranks: sum of the largest values. Absent entries count as zeros.
    DenseView<double> top_totals;
    /// n_cells x gene sets: sum over the genes of each set.
    DenseView<double> set_totals;
};

/// What describe_counts() finds out about each gene. Empty to leave the genes out: a matrix of counts is then described
/// as fast as it can be read.
struct GeneMetrics {
    /// n_genes: sum of the values.
    std::span<double> totals;
    /// n_genes: number of cells whose value is not zero.
    std::span<std::int64_t> n_cells;
};

/// Describes the cells and the genes of a matrix of counts in one pass.
///
/// Bytes that must move: `data` and `indices` once (8 a value for float32 and int32 indices); a row is read from memory
/// once and then worked on in the cache, the check of its indices included. Work: about 4 instructions a value where
/// the values are whole numbers below 65,536 and their genes rise (gene sums and gene counts then share one 32-bit
/// word); other rows are added to the genes in double. Top sums come from a histogram of such whole numbers, of others
/// by partial sorting.
/// Scratch: 2 x threads x 20 bytes a gene, and one row.
/// Determinism: chunks follow from the shape alone and meet in order; whole numbers are summed exactly. A NaN makes the
/// sums of its cell and of its gene NaN.
///
/// @param counts     cells x genes. Only its lines need have been checked.
/// @param gene_sets  sets x genes, not zero for members.
/// @throws IndexOutOfRange  see sparse/check.hpp.
template <Number T, Index I>
void describe_counts(CsrView<const T, I> counts, DenseView<const std::uint8_t> gene_sets, const QcOptions& options,
                     const CellMetrics& cells, const GeneMetrics& genes, Threads threads);

/// The same for a dense matrix. Bytes that must move: the matrix once.
template <Number T>
void describe_counts(DenseView<const T> counts, DenseView<const std::uint8_t> gene_sets, const QcOptions& options,
                     const CellMetrics& cells, const GeneMetrics& genes, Threads threads);

}  // namespace cellweave
