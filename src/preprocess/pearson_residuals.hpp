#pragma once
#include <limits>
#include <span>

#include "core/parallel.hpp"
#include "core/views.hpp"
#include "sparse/moments.hpp"

namespace cellweave {

/// Analytic Pearson residuals of counts (Lause, Berens and Kobak, Genome Biology 22, 258, 2021, equation 3): with
/// mu = gene total x cell total / total, the residual of a count v is (v - mu) / sqrt(mu + mu^2 / theta), clipped.
struct PearsonOptions {
    /// Overdispersion shared by all genes, > 0; infinity is the Poisson model.
    double theta = 100;
    /// Residuals are clipped to [-clip, clip].
    double clip = std::numeric_limits<double>::infinity();
};

/// Totals that the expected counts follow from.
struct CountTotals {
    std::span<const double> of_cell;
    DenseView<const double> of_gene;  ///< groups x genes
    std::span<const double> of_group;
};

/// Sum over cells of the residual that a count of 0 has, and of its square, for several gene totals.
///
/// The bulk of the work on sparse counts; it depends on totals only, so the caller passes each distinct gene total and
/// each distinct cell total once.
///
/// Cost: gene totals x cell totals x (division, square root). Scratch: none. Determinism: fixed order of sums.
///
/// @param n_cells_with  how many cells have each of the cell totals.
void sum_zero_residuals(std::span<const double> gene_totals, std::span<const double> cell_totals,
                        std::span<const double> n_cells_with, double total, const PearsonOptions& options,
                        std::span<double> sums, std::span<double> squares, Threads threads);

/// What the stored entries add to these sums: residual minus the residual of 0, and the difference of their squares,
/// per group of cells and gene. Nothing dense is made.
///
/// Cost: as sum_moments(), with one square root and two divisions an entry. Determinism: as sum_moments().
template <Number T, Index I>
void sum_residual_excess(CsrView<const T, I> counts, const CellGroups& groups, const CountTotals& totals,
                         const PearsonOptions& options, DenseView<double> sums, DenseView<double> squares,
                         Threads threads);
template <Number T, Index I>
void sum_residual_excess(CscView<const T, I> counts, const CellGroups& groups, const CountTotals& totals,
                         const PearsonOptions& options, DenseView<double> sums, DenseView<double> squares,
                         Threads threads);
template <Number T>
void sum_residual_excess(DenseView<const T> counts, const CellGroups& groups, const CountTotals& totals,
                         const PearsonOptions& options, DenseView<double> sums, DenseView<double> squares,
                         Threads threads);
template <Number T>
void sum_residual_excess_of_rows(DenseView<const T> genes, const CellGroups& groups, const CountTotals& totals,
                                 const PearsonOptions& options, DenseView<double> sums, DenseView<double> squares,
                                 Threads threads);

/// The residuals themselves, which are dense by nature: written once, without a temporary of their size.
///
/// Where a cell or a gene has no count the expected count is 0 and the residual 0 / 0: NaN, as in the original.
///
/// Cost: cells x genes x (division, square root) and writes of T. Scratch: 8 bytes a gene.
///
/// @param totals          with one group.
/// @param[out] residuals  cells x genes.
template <Number T, Index I, Real R>
void pearson_residuals(CsrView<const T, I> counts, const CountTotals& totals, const PearsonOptions& options,
                       DenseView<R> residuals, Threads threads);
template <Number T, Index I, Real R>
void pearson_residuals(CscView<const T, I> counts, const CountTotals& totals, const PearsonOptions& options,
                       DenseView<R> residuals, Threads threads);
template <Number T, Real R>
void pearson_residuals(DenseView<const T> counts, const CountTotals& totals, const PearsonOptions& options,
                       DenseView<R> residuals, Threads threads);

}  // namespace cellweave
