#include "embed/pca.hpp"

#include <numeric>
#include <optional>
#include <string>

#include "core/error.hpp"
#include "embed/common_values.hpp"
#include "linalg/dense_products.hpp"
#include "linalg/gram.hpp"
#include "linalg/leading_eigen.hpp"
#include "linalg/orthonormal.hpp"
#include "sparse/gram.hpp"
#include "sparse/products.hpp"

namespace cellweave {

namespace {

double shift_of(std::span<const double> shift, Size gene) {
    return shift.empty() ? 0.0 : shift[static_cast<std::size_t>(gene)];
}

/// Some rows of B = A - 1 shift^T, dense.
template <class T, Index I, Real S>
void fill_rows(CsrView<T, I> matrix, std::span<const double> shift, Range rows, DenseView<S> block) {
    for (const Size row : rows) {
        S* const out = block.row_data(row - rows.begin_item);
        for (Size gene = 0; gene < matrix.n_cols(); ++gene) out[gene] = static_cast<S>(-shift_of(shift, gene));
        const auto entries = matrix.row(row);
        for (std::size_t k = 0; k < entries.values.size(); ++k)
            out[entries.indices[k]] += static_cast<S>(entries.values[k]);
    }
}

template <class T, Real S>
void fill_rows(DenseView<T> matrix, std::span<const double> shift, Range rows, DenseView<S> block) {
    for (const Size row : rows) {
        const auto* const values = matrix.row_data(row);
        S* const out = block.row_data(row - rows.begin_item);
        for (Size gene = 0; gene < matrix.n_cols(); ++gene) {
            out[gene] = static_cast<S>(static_cast<double>(values[gene]) - shift_of(shift, gene));
        }
    }
}

/// Some rows of B^T: genes `range`, all cells.
template <Real S, Index I>
auto filler_of_genes(CsrView<const S, I> matrix, std::span<const double> shift) {
    // Counting sort by gene. One thread: this side is chosen for few cells only.
    std::vector<Size> starts(static_cast<std::size_t>(matrix.n_cols()) + 1);
    const Size n_entries = matrix.nnz();
    for (Size k = 0; k < n_entries; ++k) ++starts[static_cast<std::size_t>(matrix.indices()[k]) + 1];
    std::partial_sum(starts.begin(), starts.end(), starts.begin());
    std::vector<Size> next(starts.begin(), starts.end() - 1);
    std::vector<std::int32_t> cells(static_cast<std::size_t>(n_entries));
    std::vector<S> values(static_cast<std::size_t>(n_entries));
    for (Size cell = 0; cell < matrix.n_rows(); ++cell) {
        for (Size k = matrix.begin(cell); k < matrix.end(cell); ++k) {
            const auto slot = static_cast<std::size_t>(next[static_cast<std::size_t>(matrix.indices()[k])]++);
            cells[slot] = static_cast<std::int32_t>(cell);
            values[slot] = matrix.data()[k];
        }
    }
    return [shift, starts = std::move(starts), cells = std::move(cells), values = std::move(values)](
               Range genes, DenseView<S> block) {
        for (const Size gene : genes) {
            const auto out = block.row(gene - genes.begin_item);
            std::fill(out.begin(), out.end(), static_cast<S>(-shift_of(shift, gene)));
            for (Size k = starts[static_cast<std::size_t>(gene)]; k < starts[static_cast<std::size_t>(gene) + 1]; ++k) {
                const auto slot = static_cast<std::size_t>(k);
                out[static_cast<std::size_t>(cells[slot])] += values[slot];
            }
        }
    };
}

template <Real S>
auto filler_of_genes(DenseView<const S> matrix, std::span<const double> shift) {
    return [matrix, shift](Range genes, DenseView<S> block) {
        for (Size cell = 0; cell < matrix.n_rows(); ++cell) {
            const S* const values = matrix.row_data(cell);
            for (const Size gene : genes) {
                block(gene - genes.begin_item, cell) =
                    static_cast<S>(static_cast<double>(values[gene]) - shift_of(shift, gene));
            }
        }
    };
}

template <class T, Index I>
double sum_of_squares(CsrView<const T, I> matrix, std::span<const double> shift, Threads threads) {
    const double of_an_empty_row = std::inner_product(shift.begin(), shift.end(), shift.begin(), 0.0);
    return parallel_reduce(
        matrix.n_rows(), Grain{1024}, threads,
        [&](Range rows) {
            double sum = 0;
            for (const Size row : rows) {
                const auto entries = matrix.row(row);
                for (std::size_t k = 0; k < entries.values.size(); ++k) {
                    // (v - s)^2 in place of s^2
                    const double value = static_cast<double>(entries.values[k]);
                    sum += value * (value - 2.0 * shift_of(shift, static_cast<Size>(entries.indices[k])));
                }
                sum += of_an_empty_row;
            }
            return sum;
        },
        [](double& into, double&& next) { into += next; });
}

template <class T>
double sum_of_squares(DenseView<const T> matrix, std::span<const double> shift, Threads threads) {
    return parallel_reduce(
        matrix.n_rows(), Grain{64}, threads,
        [&](Range rows) {
            double sum = 0;
            for (const Size row : rows) {
                const T* const values = matrix.row_data(row);
                for (Size gene = 0; gene < matrix.n_cols(); ++gene) {
                    const double value = static_cast<double>(values[gene]) - shift_of(shift, gene);
                    sum += value * value;
                }
            }
            return sum;
        },
        [](double& into, double&& next) { into += next; });
}

/// B^T B from A's entries, where that is quicker than from dense blocks.
template <Real S, Index I>
std::optional<RowMatrix<double>> gram_by_entries(CsrView<const S, I> matrix, std::span<const double> shift,
                                                 Threads threads) {
    // Wide blocks take less time a product than a plan's narrow ones, and half of it in float.
    constexpr double gain_of_dense_blocks = 10.4 / sizeof(S);
    const auto n_rows = static_cast<double>(matrix.n_rows());
    const auto n_genes = static_cast<double>(matrix.n_cols());
    const GramPlan plan = plan_gram(matrix, threads);
    if (plan.cost * gain_of_dense_blocks > n_rows * n_genes * n_genes / 2) return std::nullopt;
    RowMatrix<double> gram = gram_of_entries(matrix, plan, threads);
    if (shift.empty()) return gram;
    // (A - 1 s^T)^T (A - 1 s^T) = A^T A - a s^T - s a^T + n s s^T, with a the sums of the columns of A
    const std::vector<double> means = column_means(matrix, threads);
    const Eigen::Map<const Eigen::VectorXd> mean(means.data(), matrix.n_cols());
    const Eigen::Map<const Eigen::VectorXd> subtracted(shift.data(), matrix.n_cols());
    parallel_for(matrix.n_cols(), Grain{64}, threads, [&](Range genes) {
        for (const Size gene : genes) {
            const double rest = n_rows * (subtracted[gene] - mean[gene]);
            gram.row(gene) += (rest * subtracted - n_rows * subtracted[gene] * mean).transpose();
        }
    });
    return gram;
}

template <Real S>
std::optional<RowMatrix<double>> gram_by_entries(DenseView<const S>, std::span<const double>, Threads) {
    return std::nullopt;
}

/// The leading eigenpairs of B^T B from its matrix.
template <Real S, class Matrix>
LeadingEigen by_genes(Matrix matrix, std::span<const double> shift, Size n_components, Threads threads) {
    if (const auto gram = gram_by_entries(matrix, shift, threads)) return leading_eigen(*gram, n_components, threads);
    const auto fill = [&](Range rows, DenseView<S> block) { fill_rows(matrix, shift, rows, block); };
    return leading_eigen(gram_of_filled<S>(matrix.n_rows(), matrix.n_cols(), threads, fill), n_components, threads);
}

/// The same from B B^T: its eigenvectors U give B^T U, the genes' eigenvectors times the singular values.
template <Real S, class Matrix>
LeadingEigen by_cells(Matrix matrix, std::span<const double> shift, Size n_components, Threads threads) {
    const auto fill = filler_of_genes(matrix, shift);
    LeadingEigen found =
        leading_eigen(gram_of_filled<S>(matrix.n_cols(), matrix.n_rows(), threads, fill), n_components, threads);
    RowMatrix<double> genes(matrix.n_cols(), n_components);
    multiply_transposed(matrix, as_view(std::as_const(found.vectors)), as_view(genes), shift, threads);
    orthonormalize(as_view(genes), threads);
    found.vectors = std::move(genes);
    return found;
}

/// The same by multiplying with B and B^T alone.
template <class Matrix>
LeadingEigen by_products(Matrix matrix, std::span<const double> shift, Size n_components, Threads threads) {
    const SymmetricOperator multiply = [&](DenseView<const double> vectors, DenseView<double> images) {
        multiply_gram(matrix, vectors, images, shift, threads);
    };
    const LeadingEigenOptions options{.n_components = n_components, .block_width = 64};
    return leading_eigen(matrix.n_cols(), multiply, options, threads);
}

/// The same components from the entries that differ from what most cells hold: A - 1 shift^T = E - 1 (shift -
/// common)^T.
template <Real S>
std::optional<Pca<S>> from_uncommon_values(DenseView<const S> matrix, std::span<const double> shift,
                                           const PcaOptions& options, Threads threads) {
    constexpr double largest_share = 1.0 / 4.0;  // about where dense products become as fast
    const auto rest = uncommon_values(matrix, largest_share, threads);
    if (!rest) return std::nullopt;
    std::vector<double> remaining(rest->common.size());
    for (std::size_t gene = 0; gene < remaining.size(); ++gene)
        remaining[gene] = shift_of(shift, static_cast<Size>(gene)) - rest->common[gene];
    return pca<CsrView<const S, std::int32_t>, S>(rest->view(), remaining, options, threads);
}

template <Real S, Index I>
std::optional<Pca<S>> from_uncommon_values(CsrView<const S, I>, std::span<const double>, const PcaOptions&, Threads) {
    return std::nullopt;
}

}  // namespace

template <class Matrix, Real S>
void project(Matrix matrix, std::span<const double> shift, const RowMatrix<double>& components, DenseView<S> scores,
             Threads threads) {
    const RowMatrix<S> loadings = components.transpose().cast<S>();
    if constexpr (std::is_same_v<Matrix, DenseView<const S>>) {
        // Centred before the product: means that dwarf the differences would drown them in rounding.
        constexpr Size rows_per_block = 64;
        parallel_for(matrix.n_rows(), Grain{rows_per_block}, threads, [&](Range rows) {
            RowMatrix<S> block(rows.size(), matrix.n_cols());
            fill_rows(matrix, shift, rows, as_view(block));
            as_eigen(scores.rows(rows.begin_item, rows.end_item)).noalias() = block * loadings;
        });
    } else {
        multiply(matrix, as_view(loadings), scores, shift, threads);
    }
}

template <class Matrix, Real S>
Pca<S> pca(Matrix matrix, std::type_identity_t<std::span<const double>> shift, const PcaOptions& options,
           Threads threads) {
    const Size n_cells = matrix.n_rows();
    const Size n_genes = matrix.n_cols();
    const Size k = options.n_components;
    const Size shorter = std::min(n_cells, n_genes);
    require(k >= 1 && k <= shorter, "n_comps must lie between 1 and min(n_obs, n_vars) = " + std::to_string(shorter) +
                                        ", found " + std::to_string(k) + ".");
    if (auto result = from_uncommon_values<S>(matrix, shift, options, threads)) return std::move(*result);
    // The iteration needs room for its basis; with many components the Gram matrix is the smaller evil anyway.
    const bool forms_gram = shorter <= options.largest_gram || 8 * (k + 64) > n_genes;
    LeadingEigen found = !forms_gram          ? by_products(matrix, shift, k, threads)
                         : n_genes <= n_cells ? by_genes<S>(matrix, shift, k, threads)
                                              : by_cells<S>(matrix, shift, k, threads);
    found.fix_signs();
    Pca<S> result;
    result.components = found.vectors.transpose();
    const Eigen::VectorXd squares = found.values.cwiseMax(0.0);
    result.squares.assign(squares.begin(), squares.end());
    result.total_squares = sum_of_squares(matrix, shift, threads);
    result.has_converged = found.has_converged;
    result.scores.resize(n_cells, k);
    project<Matrix, S>(matrix, shift, result.components, as_view(result.scores), threads);
    return result;
}

#define CELLWEAVE_PCA(S, ...)                                                                              \
    template Pca<S> pca<__VA_ARGS__, S>(__VA_ARGS__, std::span<const double>, const PcaOptions&, Threads); \
    template void project<__VA_ARGS__, S>(__VA_ARGS__, std::span<const double>, const RowMatrix<double>&,  \
                                          DenseView<S>, Threads);
CELLWEAVE_PCA(float, CsrView<const float, std::int32_t>)
CELLWEAVE_PCA(float, CsrView<const float, std::int64_t>)
CELLWEAVE_PCA(float, DenseView<const float>)
CELLWEAVE_PCA(double, CsrView<const double, std::int32_t>)
CELLWEAVE_PCA(double, CsrView<const double, std::int64_t>)
CELLWEAVE_PCA(double, DenseView<const double>)
#undef CELLWEAVE_PCA

}  // namespace cellweave
