#include "preprocess/regress.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "core/chunks.hpp"
#include "core/error.hpp"
#include "core/monitor.hpp"
#include "sparse/rows.hpp"

namespace cellweave {

namespace {

constexpr Size entries_per_chunk = 1 << 18;
/// Terms that are added side by side.
constexpr Size terms_at_once = 4;

using Partial = std::vector<double>;

void add(Partial& into, Partial&& next) {
    for (std::size_t i = 0; i < into.size(); ++i) into[i] += next[i];
}

/// Calls `write(row, values, out)` for every row, whose values it may change, and its place in `out`.
template <class View, class Out, class Write>
void rewrite_rows(const View& x, DenseView<Out> out, Threads threads, Write&& write) {
    const Size n_genes = out.n_cols();
    const Uninterrupted guard;  // `out` may be the caller's own matrix
    parallel_for(out.n_rows(), chunk_of_lines(out.n_rows(), out.n_rows() * n_genes, entries_per_chunk), threads,
                 [&](Range rows) {
                     std::vector<double> values(static_cast<std::size_t>(n_genes));
                     for (const Size row : rows) {
                         unpack_row(x, row, values);
                         write(row, values.data(), out.row_data(row));
                     }
                 });
}

/// What some terms of a fit give for one cell.
class FittedRow {
public:
    /// The terms from `begin` on, `terms_at_once` at most. One that is not there is the first one, times 0.
    FittedRow(DenseView<const double> design, DenseView<const double> coefficients, Size row, Size begin) {
        static_assert(terms_at_once == 4);
        fitted_.fill(coefficients.row_data(begin));
        for (Size k = begin; k < std::min(design.n_cols(), begin + terms_at_once); ++k) {
            factor_[static_cast<std::size_t>(k - begin)] = design(row, k);
            fitted_[static_cast<std::size_t>(k - begin)] = coefficients.row_data(k);
        }
    }

    double operator()(Size gene) const {
        return (factor_[0] * fitted_[0][gene] + factor_[1] * fitted_[1][gene]) +
               (factor_[2] * fitted_[2][gene] + factor_[3] * fitted_[3][gene]);
    }

private:
    std::array<double, terms_at_once> factor_{};
    std::array<const double*, terms_at_once> fitted_;
};

template <class View, class Out>
void subtract_fit_of(const View& x, DenseView<const double> design, DenseView<const double> coefficients,
                     DenseView<Out> out, Threads threads) {
    const Size n_genes = out.n_cols();
    require(design.n_cols() > 0 || out.n_rows() == 0, "a fit needs at least one term");
    rewrite_rows(x, out, threads, [&](Size row, double* values, Out* residuals) {
        Size begin = 0;
        for (; begin + terms_at_once < design.n_cols(); begin += terms_at_once) {
            const FittedRow fitted(design, coefficients, row, begin);
            for (Size gene = 0; gene < n_genes; ++gene) values[gene] -= fitted(gene);
        }
        const FittedRow fitted(design, coefficients, row, begin);
        for (Size gene = 0; gene < n_genes; ++gene) residuals[gene] = static_cast<Out>(values[gene] - fitted(gene));
    });
}

template <class View>
void apply_group_lines_of(const View& x, std::span<const std::int32_t> group_of_cell, DenseView<const double> slopes,
                          DenseView<const double> offsets, DenseView<double> out, Threads threads) {
    rewrite_rows(x, out, threads, [&](Size row, const double* values, double* residuals) {
        const Size group = group_of_cell[static_cast<std::size_t>(row)];
        const double* const slope = slopes.row_data(group);
        const double* const offset = offsets.row_data(group);
        for (Size gene = 0; gene < out.n_cols(); ++gene) residuals[gene] = values[gene] * slope[gene] + offset[gene];
    });
}

}  // namespace

template <Real T, Index I>
void project(CsrView<const T, I> x, DenseView<const double> design, DenseView<double> out, Threads threads) {
    const Size n_terms = design.n_cols();
    const Size n_padded = (n_terms + terms_at_once - 1) / terms_at_once * terms_at_once;
    const auto partial = [&](Range rows) {
        Partial products(static_cast<std::size_t>(n_padded * x.n_cols()), 0);  // gene by gene
        std::vector<double> factors(static_cast<std::size_t>(n_padded), 0);
        for (const Size row : rows) {
            const auto line = x.row(row);
            std::copy_n(design.row_data(row), n_terms, factors.begin());
            for (std::size_t entry = 0; entry < line.values.size(); ++entry) {
                const auto value = static_cast<double>(line.values[entry]);
                double* const of_gene = &products[static_cast<std::size_t>(line.indices[entry] * n_padded)];
                for (Size begin = 0; begin < n_padded; begin += terms_at_once)
                    for (Size k = begin; k < begin + terms_at_once; ++k)
                        of_gene[k] += factors[static_cast<std::size_t>(k)] * value;
            }
        }
        return products;
    };
    const Grain grain = chunk_of_lines(x.n_rows(), x.nnz(), entries_per_chunk, n_padded * x.n_cols());
    const Partial total = parallel_reduce(x.n_rows(), grain, threads, partial, add);
    for (Size k = 0; k < n_terms; ++k)
        for (Size gene = 0; gene < x.n_cols(); ++gene)
            out(k, gene) = total.empty() ? 0 : total[static_cast<std::size_t>(gene * n_padded + k)];
}

template <Real T, Index I>
void project(CscView<const T, I> x, DenseView<const double> design, DenseView<double> out, Threads threads) {
    const Size n_terms = design.n_cols();
    parallel_for(x.n_cols(), chunk_of_lines(x.n_cols(), x.nnz(), entries_per_chunk), threads, [&](Range genes) {
        std::vector<double> products(static_cast<std::size_t>(n_terms));
        for (const Size gene : genes) {
            std::fill(products.begin(), products.end(), 0.0);
            const auto line = x.col(gene);
            for (std::size_t entry = 0; entry < line.values.size(); ++entry) {
                const auto value = static_cast<double>(line.values[entry]);
                const double* const factors = design.row_data(static_cast<Size>(line.indices[entry]));
                for (std::size_t k = 0; k < products.size(); ++k) products[k] += factors[k] * value;
            }
            for (Size k = 0; k < n_terms; ++k) out(k, gene) = products[static_cast<std::size_t>(k)];
        }
    });
}

template <Real T>
void project(DenseView<const T> x, DenseView<const double> design, DenseView<double> out, Threads threads) {
    const Size n_terms = design.n_cols();
    const Size n_genes = x.n_cols();
    const auto partial = [&](Range rows) {
        Partial products(static_cast<std::size_t>(n_terms * n_genes), 0);
        for (const Size row : rows) {
            const T* const values = x.row_data(row);
            for (Size k = 0; k < n_terms; ++k) {
                const double factor = design(row, k);
                double* const sums = &products[static_cast<std::size_t>(k * n_genes)];
                for (Size gene = 0; gene < n_genes; ++gene) sums[gene] += factor * static_cast<double>(values[gene]);
            }
        }
        return products;
    };
    const Grain grain = chunk_of_lines(x.n_rows(), x.n_rows() * n_genes, entries_per_chunk, n_terms * n_genes);
    const Partial total = parallel_reduce(x.n_rows(), grain, threads, partial, add);
    for (Size k = 0; k < n_terms; ++k)
        for (Size gene = 0; gene < n_genes; ++gene)
            out(k, gene) = total.empty() ? 0 : total[static_cast<std::size_t>(k * n_genes + gene)];
}

template <Real T, Index I, Real Out>
void subtract_fit(CsrView<const T, I> x, DenseView<const double> design, DenseView<const double> coefficients,
                  DenseView<Out> out, Threads threads) {
    subtract_fit_of(x, design, coefficients, out, threads);
}

template <Real T, Real Out>
void subtract_fit(DenseView<const T> x, DenseView<const double> design, DenseView<const double> coefficients,
                  DenseView<Out> out, Threads threads) {
    subtract_fit_of(x, design, coefficients, out, threads);
}

template <Real T, Index I>
void apply_group_lines(CsrView<const T, I> x, std::span<const std::int32_t> group_of_cell,
                       DenseView<const double> slopes, DenseView<const double> offsets, DenseView<double> out,
                       Threads threads) {
    apply_group_lines_of(x, group_of_cell, slopes, offsets, out, threads);
}

template <Real T>
void apply_group_lines(DenseView<const T> x, std::span<const std::int32_t> group_of_cell,
                       DenseView<const double> slopes, DenseView<const double> offsets, DenseView<double> out,
                       Threads threads) {
    apply_group_lines_of(x, group_of_cell, slopes, offsets, out, threads);
}

#define CELLWEAVE_INSTANTIATE(T, I)                                                                                    \
    template void project<T, I>(CsrView<const T, I>, DenseView<const double>, DenseView<double>, Threads);             \
    template void project<T, I>(CscView<const T, I>, DenseView<const double>, DenseView<double>, Threads);             \
    template void subtract_fit<T, I, float>(CsrView<const T, I>, DenseView<const double>, DenseView<const double>,     \
                                            DenseView<float>, Threads);                                                \
    template void subtract_fit<T, I, double>(CsrView<const T, I>, DenseView<const double>, DenseView<const double>,    \
                                             DenseView<double>, Threads);                                              \
    template void apply_group_lines<T, I>(CsrView<const T, I>, std::span<const std::int32_t>, DenseView<const double>, \
                                          DenseView<const double>, DenseView<double>, Threads);
#define CELLWEAVE_INSTANTIATE_ALL(T)                                                                               \
    CELLWEAVE_INSTANTIATE(T, std::int32_t)                                                                         \
    CELLWEAVE_INSTANTIATE(T, std::int64_t)                                                                         \
    template void project<T>(DenseView<const T>, DenseView<const double>, DenseView<double>, Threads);             \
    template void subtract_fit<T, float>(DenseView<const T>, DenseView<const double>, DenseView<const double>,     \
                                         DenseView<float>, Threads);                                               \
    template void subtract_fit<T, double>(DenseView<const T>, DenseView<const double>, DenseView<const double>,    \
                                          DenseView<double>, Threads);                                             \
    template void apply_group_lines<T>(DenseView<const T>, std::span<const std::int32_t>, DenseView<const double>, \
                                       DenseView<const double>, DenseView<double>, Threads);
CELLWEAVE_INSTANTIATE_ALL(float)
CELLWEAVE_INSTANTIATE_ALL(double)
#undef CELLWEAVE_INSTANTIATE_ALL
#undef CELLWEAVE_INSTANTIATE

}  // namespace cellweave
