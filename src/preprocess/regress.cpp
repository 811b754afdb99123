#include "preprocess/regress.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <type_traits>
#include <vector>

#include "core/chunks.hpp"
#include "core/error.hpp"
#include "core/fetch.hpp"
#include "core/monitor.hpp"
#include "sparse/check.hpp"
#include "sparse/rows.hpp"

namespace cellweave {

namespace {

constexpr Size entries_per_chunk = 1 << 18;
/// Terms of a fit that are worked on together.
constexpr Size terms_at_once = 4;
/// Cells that share what is fetched of the coefficients.
constexpr Size rows_at_once = 4;
/// So many that a block of them, for these cells, stays in the nearest cache.
constexpr Size genes_at_once = 256;

using Terms = Eigen::Array<double, terms_at_once, 1>;

template <class T>
void add(std::vector<T>& into, std::vector<T>&& next) {
    for (std::size_t i = 0; i < into.size(); ++i) into[i] += next[i];
}

/// Calls f(Range) for `rows_at_once` rows after the other; the last ones may be fewer.
template <class F>
void for_few(Range rows, F&& f) {
    for (Size begin = rows.begin_item; begin < rows.end_item; begin += rows_at_once)
        f(Range{begin, std::min(rows.end_item, begin + rows_at_once)});
}

template <class T, class I, class Out>
bool lies_in(const CsrView<const T, I>&, DenseView<Out>) {
    return false;
}
template <class T, class Out>
bool lies_in(const DenseView<const T>& x, DenseView<Out> out) {
    return static_cast<const void*>(x.data()) == out.data();
}

/// Calls `change(rows, values, result)` for a few rows of `x` at a time; `result` are these rows of `out`. The values
/// lie in the cache, not in `result`, whose lines are still to come from memory; where `x` lies in `out`, both are the
/// same.
template <class View, class Out, class Change>
void rewrite_rows(const View& x, DenseView<Out> out, Threads threads, Change&& change) {
    const Uninterrupted guard;  // `out` may be the caller's own matrix
    const bool is_in_place = lies_in(x, out);
    const Grain grain = chunk_of_lines(out.n_rows(), out.n_rows() * out.n_cols(), entries_per_chunk);
    parallel_for(out.n_rows(), grain, threads, [&](Range rows) {
        std::vector<Out> scratch(static_cast<std::size_t>(is_in_place ? 0 : rows_at_once * out.n_cols()));
        for_few(rows, [&](Range few) {
            const DenseView<Out> result = out.rows(few.begin_item, few.end_item);
            if (is_in_place) return change(few, result, result);
            const DenseView<Out> values(scratch.data(), few.size(), out.n_cols());
            for (const Size row : few) unpack_row(x, row, values.row(row - few.begin_item));
            change(few, values, result);
        });
    });
}

template <Size n>
using Constant = std::integral_constant<Size, n>;

/// Cuts the design of a few cells into blocks of so many rows and terms that the compiler keeps in registers: calls
/// f(block, number of rows, number of terms, first row, first term), both numbers as types.
template <class F>
void for_blocks(DenseView<const double> design, F&& f) {
    for (Size term = 0; term < design.n_cols(); term += terms_at_once) {
        const Size n_left = std::min(terms_at_once, design.n_cols() - term);
        const DenseView<const double> of_terms(design.data() + term, design.n_rows(), n_left, design.row_stride());
        const auto for_rows = [&](auto n_terms) {
            if (design.n_rows() == rows_at_once) return f(of_terms, Constant<rows_at_once>(), n_terms, Size{0}, term);
            for (Size row = 0; row < design.n_rows(); ++row)
                f(of_terms.rows(row, row + 1), Constant<1>(), n_terms, row, term);
        };
        static_assert(terms_at_once == 4);
        if (n_left == 1) for_rows(Constant<1>());
        if (n_left == 2) for_rows(Constant<2>());
        if (n_left == 3) for_rows(Constant<3>());
        if (n_left == 4) for_rows(Constant<4>());
    }
}

/// A block of a design, and the lines of values and of what belongs to its terms.
template <Size n_rows, Size n_terms, class Value, class OfTerm>
struct Block {
    std::array<std::array<double, n_terms>, n_rows> factor;
    std::array<Value*, n_rows> values;
    std::array<OfTerm*, n_terms> of_term;

    Block(DenseView<const double> design, DenseView<Value> rows, DenseView<OfTerm> terms) {
        for (Size k = 0; k < n_terms; ++k) of_term[k] = terms.row_data(k);
        for (Size row = 0; row < n_rows; ++row) {
            std::copy_n(design.row_data(row), n_terms, factor[row].begin());
            values[row] = rows.row_data(row);
        }
    }
};

/// out = values - design coefficients.
template <class T>
void take_fits(DenseView<const double> design, DenseView<const double> coefficients, DenseView<T> values,
               DenseView<T> out) {
    for_blocks(design, [&](auto factors, auto n_rows, auto n_terms, Size row, Size term) {
        const Block<n_rows, n_terms, T, const double> block(factors, (term == 0 ? values : out).rows(row, row + n_rows),
                                                            coefficients.rows(term, term + n_terms));
        std::array<T*, n_rows> left_over;
        for (Size i = 0; i < n_rows; ++i) left_over[i] = out.row_data(row + i);
#pragma omp simd
        for (Size gene = 0; gene < values.n_cols(); ++gene) {
            for (Size i = 0; i < n_rows; ++i) {
                double left = static_cast<double>(block.values[i][gene]);
                for (Size k = 0; k < n_terms; ++k) left -= block.factor[i][k] * block.of_term[k][gene];
                left_over[i][gene] = static_cast<T>(left);
            }
        }
    });
}

/// out = values - design coefficients, for more terms than are taken at once: in double, one block of genes after
/// another, so that a value is rounded once.
void take_long_fits(DenseView<const double> design, DenseView<const double> coefficients, DenseView<float> values,
                    DenseView<float> out) {
    std::array<double, rows_at_once * genes_at_once> block;
    for (Size begin = 0; begin < values.n_cols(); begin += genes_at_once) {
        const Size width = std::min(genes_at_once, values.n_cols() - begin);
        const DenseView<double> left(block.data(), values.n_rows(), width);
        for (Size row = 0; row < values.n_rows(); ++row)
            std::copy_n(values.row_data(row) + begin, width, left.row_data(row));
        take_fits(design, {coefficients.data() + begin, coefficients.n_rows(), width, coefficients.row_stride()}, left,
                  left);
        for (Size row = 0; row < values.n_rows(); ++row)
            std::ranges::transform(left.row(row), out.row_data(row) + begin,
                                   [](double value) { return static_cast<float>(value); });
    }
}

/// products += design^T values.
template <class T>
void add_products(DenseView<const double> design, DenseView<const T> values, DenseView<double> products) {
    for_blocks(design, [&](auto factors, auto n_rows, auto n_terms, Size row, Size term) {
        const Block<n_rows, n_terms, const T, double> block(factors, values.rows(row, row + n_rows),
                                                            products.rows(term, term + n_terms));
#pragma omp simd
        for (Size gene = 0; gene < values.n_cols(); ++gene) {
            for (Size k = 0; k < n_terms; ++k) {
                double sum = block.of_term[k][gene];
                for (Size i = 0; i < n_rows; ++i)
                    sum += block.factor[i][k] * static_cast<double>(block.values[i][gene]);
                block.of_term[k][gene] = sum;
            }
        }
    });
}

template <class View, class Out>
void subtract_fit_of(const View& x, DenseView<const double> design, DenseView<const double> coefficients,
                     DenseView<Out> out, Threads threads) {
    require(design.n_cols() > 0 || out.n_rows() == 0, "a fit needs at least one term");
    rewrite_rows(x, out, threads, [&](Range rows, DenseView<Out> values, DenseView<Out> result) {
        const auto factors = design.rows(rows.begin_item, rows.end_item);
        if constexpr (std::is_same_v<Out, float>) {
            if (design.n_cols() > terms_at_once) return take_long_fits(factors, coefficients, values, result);
        }
        take_fits(factors, coefficients, values, result);
    });
}

template <class View>
void apply_group_lines_of(const View& x, std::span<const std::int32_t> group_of_cell, DenseView<const double> slopes,
                          DenseView<const double> offsets, DenseView<double> out, Threads threads) {
    rewrite_rows(x, out, threads, [&](Range rows, DenseView<double> values, DenseView<double> result) {
        for (const Size row : rows) {
            const Size group = group_of_cell[static_cast<std::size_t>(row)];
            const double* const slope = slopes.row_data(group);
            const double* const offset = offsets.row_data(group);
            const double* const value = values.row_data(row - rows.begin_item);
            double* const line = result.row_data(row - rows.begin_item);
            for (Size gene = 0; gene < out.n_cols(); ++gene) line[gene] = value[gene] * slope[gene] + offset[gene];
        }
    });
}

}  // namespace

template <Real T, Index I>
void project(CsrView<const T, I> x, DenseView<const double> design, DenseView<double> out, Threads threads) {
    const Size n_terms = design.n_cols();
    const Size n_blocks = (n_terms + terms_at_once - 1) / terms_at_once;
    const auto partial = [&](Range rows) {
        std::vector<Terms> products(static_cast<std::size_t>(n_blocks * x.n_cols()), Terms::Zero());  // gene by gene
        for (const Size row : rows) {
            const auto line = x.row(row);
            require_indices_below(line.indices, x.n_cols());
            for (Size block = 0; block < n_blocks; ++block) {
                const Size begin = block * terms_at_once;
                Terms factors = Terms::Zero();
                std::copy_n(design.row_data(row) + begin, std::min(n_terms - begin, terms_at_once), factors.data());
                Terms* const sums = products.data() + block;
                const auto add_entry = [&](Size entry) {
                    const auto k = static_cast<std::size_t>(entry);
                    sums[line.indices[k] * n_blocks] += factors * static_cast<double>(line.values[k]);
                };
                each_while_fetching(line.size(), add_entry, line.indices.data() + line.size(),
                                    line.values.data() + line.size());
            }
        }
        return products;
    };
    const Grain grain = chunk_of_lines(x.n_rows(), x.nnz(), entries_per_chunk, n_blocks * terms_at_once * x.n_cols());
    const auto total = parallel_reduce(x.n_rows(), grain, threads, partial, add<Terms>);
    for (Size gene = 0; gene < x.n_cols(); ++gene) {
        for (Size k = 0; k < n_terms; ++k) {
            const auto block = static_cast<std::size_t>(gene * n_blocks + k / terms_at_once);
            out(k, gene) = total.empty() ? 0 : total[block][k % terms_at_once];
        }
    }
}

template <Real T, Index I>
void project(CscView<const T, I> x, DenseView<const double> design, DenseView<double> out, Threads threads) {
    const Size n_terms = design.n_cols();
    parallel_for(x.n_cols(), chunk_of_lines(x.n_cols(), x.nnz(), entries_per_chunk), threads, [&](Range genes) {
        std::vector<double> products(static_cast<std::size_t>(n_terms));
        for (const Size gene : genes) {
            std::fill(products.begin(), products.end(), 0.0);
            const auto line = x.col(gene);
            require_indices_below(line.indices, x.n_rows());
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
        std::vector<double> products(static_cast<std::size_t>(n_terms * n_genes), 0);
        for_few(rows, [&](Range few) {
            add_products(design.rows(few.begin_item, few.end_item), x.rows(few.begin_item, few.end_item),
                         DenseView<double>(products.data(), n_terms, n_genes));
        });
        return products;
    };
    const Grain grain = chunk_of_lines(x.n_rows(), x.n_rows() * n_genes, entries_per_chunk, n_terms * n_genes);
    const auto total = parallel_reduce(x.n_rows(), grain, threads, partial, add<double>);
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
