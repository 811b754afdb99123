#include "preprocess/pearson_residuals.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "sparse/entry_sums.hpp"

namespace cellweave {

namespace {

/// The residual of one count.
struct Residual {
    double inverse_theta;
    double clip;

    explicit Residual(const PearsonOptions& options) : inverse_theta(1 / options.theta), clip(options.clip) {}

    double deviation(double mu) const { return std::sqrt(mu * (1 + mu * inverse_theta)); }
    double clipped(double residual) const { return std::clamp(residual, -clip, clip); }
    double operator()(double count, double mu) const { return clipped((count - mu) / deviation(mu)); }
};

struct AddExcess {
    Residual residual;
    const double* cell_totals;
    DenseView<const double> gene_totals;
    const double* group_totals;

    void operator()(entry_sums::Moments& into, double count, Size cell, Size gene, Size group) const {
        const double mu = cell_totals[cell] * gene_totals(group, gene) / group_totals[group];
        if (!(mu > 0)) return;
        const double deviation = residual.deviation(mu);
        const double here = residual.clipped((count - mu) / deviation);
        const double of_zero = residual.clipped(-mu / deviation);
        into.sum += here - of_zero;
        into.square += (here - of_zero) * (here + of_zero);
    }
};

AddExcess excess_adder(const CountTotals& totals, const PearsonOptions& options) {
    return {Residual(options), totals.of_cell.data(), totals.of_gene, totals.of_group.data()};
}

/// Gene totals as shares of all counts, NaN for genes without a count: times a cell's total they are expected counts.
template <Real R>
Eigen::Array<R, Eigen::Dynamic, 1> gene_shares(const CountTotals& totals) {
    const auto genes = totals.of_gene.row(0);
    Eigen::Array<R, Eigen::Dynamic, 1> shares(static_cast<Eigen::Index>(genes.size()));
    for (std::size_t gene = 0; gene < genes.size(); ++gene) {
        const double share = genes[gene] / totals.of_group[0];
        shares[static_cast<Eigen::Index>(gene)] =
            static_cast<R>(share != 0 ? share : std::numeric_limits<double>::quiet_NaN());
    }
    return shares;
}

/// The residuals of a cell where its counts are zero.
template <Real R>
void fill_with_zero_residuals(const Eigen::Array<R, Eigen::Dynamic, 1>& shares, double cell_total,
                              const PearsonOptions& options, std::span<R> residuals) {
    const R nothing = std::numeric_limits<R>::quiet_NaN();
    const R total = cell_total != 0 ? static_cast<R>(cell_total) : nothing;
    const auto inverse_theta = static_cast<R>(1 / options.theta);
    Eigen::Map<Eigen::Array<R, Eigen::Dynamic, 1>> out(residuals.data(), static_cast<Eigen::Index>(residuals.size()));
    out = (shares * total) / (R(1) + (shares * total) * inverse_theta);
    out = -out.sqrt().template min<Eigen::PropagateNaN>(static_cast<R>(options.clip));
}

Grain rows_of(Size n_cols) {
    return {std::max<Size>(1, (Size{1} << 20) / std::max<Size>(1, n_cols))};
}

template <Real R>
void fill_all(const CountTotals& totals, const PearsonOptions& options, DenseView<R> residuals, Threads threads) {
    const auto shares = gene_shares<R>(totals);
    parallel_for(residuals.n_rows(), rows_of(residuals.n_cols()), threads, [&](Range cells) {
        for (const Size cell : cells) {
            fill_with_zero_residuals(shares, totals.of_cell[static_cast<std::size_t>(cell)], options,
                                     residuals.row(cell));
        }
    });
}

double expected(const CountTotals& totals, Size cell, Size gene) {
    return totals.of_cell[static_cast<std::size_t>(cell)] * totals.of_gene(0, gene) / totals.of_group[0];
}

}  // namespace

void sum_zero_residuals(std::span<const double> gene_totals, std::span<const double> cell_totals,
                        std::span<const double> n_cells_with, double total, const PearsonOptions& options,
                        std::span<double> sums, std::span<double> squares, Threads threads) {
    using Array = Eigen::Array<double, Eigen::Dynamic, 1>;
    using Block = Eigen::Array<double, Eigen::Dynamic, 1, 0, entry_sums::block_size, 1>;
    const auto n_totals = static_cast<Size>(cell_totals.size());
    const Eigen::Map<const Array> all_cells(cell_totals.data(), n_totals);
    const Eigen::Map<const Array> all_counts(n_cells_with.data(), n_totals);
    const Grain grain{std::max<Size>(1, (Size{1} << 19) / std::max<Size>(1, n_totals))};
    parallel_for(static_cast<Size>(gene_totals.size()), grain, threads, [&](Range genes) {
        Block square(std::min(n_totals, entry_sums::block_size));
        for (const Size gene : genes) {
            const auto place = static_cast<std::size_t>(gene);
            const double share = gene_totals[place] / total;
            sums[place] = 0;
            squares[place] = 0;
            for (Size begin = 0; begin < n_totals; begin += entry_sums::block_size) {
                const Size length = std::min(entry_sums::block_size, n_totals - begin);
                const auto cells = all_cells.segment(begin, length);
                const auto counts = all_counts.segment(begin, length);
                square = (cells * share) / (1.0 + cells * (share / options.theta));
                square = square.min(options.clip * options.clip);
                sums[place] -= (counts * square.sqrt()).sum();
                squares[place] += (counts * square).sum();
            }
        }
    });
}

template <Number T, Index I>
void sum_residual_excess(CsrView<const T, I> counts, const CellGroups& groups, const CountTotals& totals,
                         const PearsonOptions& options, DenseView<double> sums, DenseView<double> squares,
                         Threads threads) {
    entry_sums::sum(counts, groups, entry_sums::AsStoredAndKnown<T>{}, excess_adder(totals, options), {sums, squares},
                    threads);
}

template <Number T, Index I>
void sum_residual_excess(CscView<const T, I> counts, const CellGroups& groups, const CountTotals& totals,
                         const PearsonOptions& options, DenseView<double> sums, DenseView<double> squares,
                         Threads threads) {
    entry_sums::sum(counts, groups, entry_sums::AsStoredAndKnown<T>{}, excess_adder(totals, options), {sums, squares},
                    threads);
}

template <Number T>
void sum_residual_excess(DenseView<const T> counts, const CellGroups& groups, const CountTotals& totals,
                         const PearsonOptions& options, DenseView<double> sums, DenseView<double> squares,
                         Threads threads) {
    entry_sums::sum(counts, groups, entry_sums::AsStoredAndKnown<T>{}, excess_adder(totals, options), {sums, squares},
                    threads);
}

template <Number T>
void sum_residual_excess_of_rows(DenseView<const T> genes, const CellGroups& groups, const CountTotals& totals,
                                 const PearsonOptions& options, DenseView<double> sums, DenseView<double> squares,
                                 Threads threads) {
    entry_sums::sum_of_rows(genes, groups, entry_sums::AsStoredAndKnown<T>{}, excess_adder(totals, options),
                            {sums, squares}, threads);
}

template <Number T, Index I, Real R>
void pearson_residuals(CsrView<const T, I> counts, const CountTotals& totals, const PearsonOptions& options,
                       DenseView<R> residuals, Threads threads) {
    const Residual residual(options);
    const auto shares = gene_shares<R>(totals);
    parallel_for(counts.n_rows(), rows_of(counts.n_cols()), threads, [&](Range cells) {
        for (const Size cell : cells) {
            fill_with_zero_residuals(shares, totals.of_cell[static_cast<std::size_t>(cell)], options,
                                     residuals.row(cell));
            const auto line = counts.row(cell);
            for (std::size_t k = 0; k < line.indices.size(); ++k) {
                const auto gene = static_cast<Size>(line.indices[k]);
                residuals(cell, gene) =
                    static_cast<R>(residual(static_cast<double>(line.values[k]), expected(totals, cell, gene)));
            }
        }
    });
}

template <Number T, Index I, Real R>
void pearson_residuals(CscView<const T, I> counts, const CountTotals& totals, const PearsonOptions& options,
                       DenseView<R> residuals, Threads threads) {
    fill_all(totals, options, residuals, threads);
    const Residual residual(options);
    parallel_for(counts.n_cols(), Grain{64}, threads, [&](Range genes) {
        for (const Size gene : genes) {
            const auto line = counts.col(gene);
            for (std::size_t k = 0; k < line.indices.size(); ++k) {
                const auto cell = static_cast<Size>(line.indices[k]);
                residuals(cell, gene) =
                    static_cast<R>(residual(static_cast<double>(line.values[k]), expected(totals, cell, gene)));
            }
        }
    });
}

template <Number T, Real R>
void pearson_residuals(DenseView<const T> counts, const CountTotals& totals, const PearsonOptions& options,
                       DenseView<R> residuals, Threads threads) {
    const Residual residual(options);
    parallel_for(counts.n_rows(), rows_of(counts.n_cols()), threads, [&](Range cells) {
        for (const Size cell : cells) {
            for (Size gene = 0; gene < counts.n_cols(); ++gene) {
                residuals(cell, gene) =
                    static_cast<R>(residual(static_cast<double>(counts(cell, gene)), expected(totals, cell, gene)));
            }
        }
    });
}

#define CELLWEAVE_INSTANTIATE_RESIDUALS(T, I, R)                                                             \
    template void pearson_residuals<T, I, R>(CsrView<const T, I>, const CountTotals&, const PearsonOptions&, \
                                             DenseView<R>, Threads);                                         \
    template void pearson_residuals<T, I, R>(CscView<const T, I>, const CountTotals&, const PearsonOptions&, \
                                             DenseView<R>, Threads);
#define CELLWEAVE_INSTANTIATE_SPARSE(T, I, R)                                                                      \
    CELLWEAVE_INSTANTIATE_RESIDUALS(T, I, R)                                                                       \
    template void sum_residual_excess<T, I>(CsrView<const T, I>, const CellGroups&, const CountTotals&,            \
                                            const PearsonOptions&, DenseView<double>, DenseView<double>, Threads); \
    template void sum_residual_excess<T, I>(CscView<const T, I>, const CellGroups&, const CountTotals&,            \
                                            const PearsonOptions&, DenseView<double>, DenseView<double>, Threads);
#define CELLWEAVE_INSTANTIATE(T, R)                                                                                    \
    CELLWEAVE_INSTANTIATE_SPARSE(T, std::int32_t, R)                                                                   \
    CELLWEAVE_INSTANTIATE_SPARSE(T, std::int64_t, R)                                                                   \
    template void pearson_residuals<T, R>(DenseView<const T>, const CountTotals&, const PearsonOptions&, DenseView<R>, \
                                          Threads);                                                                    \
    template void sum_residual_excess<T>(DenseView<const T>, const CellGroups&, const CountTotals&,                    \
                                         const PearsonOptions&, DenseView<double>, DenseView<double>, Threads);        \
    template void sum_residual_excess_of_rows<T>(DenseView<const T>, const CellGroups&, const CountTotals&,            \
                                                 const PearsonOptions&, DenseView<double>, DenseView<double>,          \
                                                 Threads);
CELLWEAVE_INSTANTIATE(float, float)
CELLWEAVE_INSTANTIATE(double, double)
CELLWEAVE_INSTANTIATE(std::int32_t, double)
CELLWEAVE_INSTANTIATE(std::int64_t, double)
#undef CELLWEAVE_INSTANTIATE
#undef CELLWEAVE_INSTANTIATE_SPARSE
#undef CELLWEAVE_INSTANTIATE_RESIDUALS

}  // namespace cellweave
