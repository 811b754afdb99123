#include "preprocess/pearson_residuals.hpp"

#include "arrays.hpp"
#include "call.hpp"
#include "groups.hpp"
#include "module.hpp"

namespace cellweave::bindings {

namespace {

using Vector = Array<double>;

/// The totals that Python passes, checked against the shape of the counts.
struct Totals {
    CountTotals view;

    Totals(Size n_cells, Size n_genes, const Vector& of_cell, const Vector& of_gene, const Vector& of_group)
        : view{vector(of_cell), matrix(of_gene), vector(of_group)} {
        require(of_cell.size() == n_cells, "cell totals: expected one a cell");
        require(view.of_gene.n_cols() == n_genes, "gene totals: expected one a gene");
        require(of_group.size() == view.of_gene.n_rows(), "group totals: expected one a group");
    }
};

CellGroups checked_groups(const Array<std::int32_t>& groups, Size n_cells, Size n_groups) {
    // Without a number for each cell, all are in the only group.
    if (groups.size() == 0) {
        require(n_groups == 1, "groups: expected one number a cell");
        return {{}, 1};
    }
    return cell_groups(groups, n_cells, n_groups);
}

/// Calls `sum(groups, totals, options, sums, squares)` and returns the two matrices.
template <class Sum>
py::tuple excess(Size n_cells, Size n_genes, const Array<std::int32_t>& groups, const Vector& of_cell,
                 const Vector& of_gene, const Vector& of_group, double theta, double clip, Sum&& sum) {
    const Totals totals(n_cells, n_genes, of_cell, of_gene, of_group);
    const Size n_groups = totals.view.of_gene.n_rows();
    const CellGroups by = checked_groups(groups, n_cells, n_groups);
    auto sums = new_matrix<double>(n_groups, n_genes);
    auto squares = new_matrix<double>(n_groups, n_genes);
    sum(by, totals.view, PearsonOptions{theta, clip}, mutable_matrix(sums), mutable_matrix(squares));
    return py::make_tuple(sums, squares);
}

/// Residuals of integer counts are float64, those of floats keep their type.
template <class T>
using ResidualOf = std::conditional_t<std::is_same_v<T, float>, float, double>;

template <class View>
py::array residuals_of(const View& view, Size n_cells, Size n_genes, const Totals& totals, double theta, double clip,
                       int threads) {
    using T = std::remove_cvref_t<decltype(*view.data())>;
    auto out = new_matrix<ResidualOf<T>>(n_cells, n_genes);
    const auto to = mutable_matrix(out);
    run([&] { pearson_residuals(view, totals.view, PearsonOptions{theta, clip}, to, Threads{threads}); });
    return out;
}

template <class Arg>
void bind_sparse(py::module_& m) {
    m.def(
        "sum_residual_excess",
        [](const Arg& counts, const Array<std::int32_t>& groups, const Vector& of_cell, const Vector& of_gene,
           const Vector& of_group, double theta, double clip, int threads) {
            return excess(
                counts.n_rows(), counts.n_cols(), groups, of_cell, of_gene, of_group, theta, clip,
                [&](const auto& by, const auto& totals, const auto& options, auto sums, auto squares) {
                    counts.template visit_number<Indices::checked_by_kernel>([&](auto view) {
                        run([&] { sum_residual_excess(view, by, totals, options, sums, squares, Threads{threads}); });
                    });
                });
        },
        py::arg("counts"), py::arg("groups").noconvert(), py::arg("cell_totals").noconvert(),
        py::arg("gene_totals").noconvert(), py::arg("group_totals").noconvert(), py::arg("theta"), py::arg("clip"),
        py::arg("threads"));
    m.def(
        "pearson_residuals",
        [](const Arg& counts, const Vector& of_cell, const Vector& of_gene, const Vector& of_group, double theta,
           double clip, int threads) {
            const Size n_cells = counts.n_rows();
            const Size n_genes = counts.n_cols();
            const Totals totals(n_cells, n_genes, of_cell, of_gene, of_group);
            return counts.visit_number(
                [&](auto view) { return residuals_of(view, n_cells, n_genes, totals, theta, clip, threads); });
        },
        py::arg("counts"), py::arg("cell_totals").noconvert(), py::arg("gene_totals").noconvert(),
        py::arg("group_totals").noconvert(), py::arg("theta"), py::arg("clip"), py::arg("threads"));
}

}  // namespace

void bind_pearson_residuals(py::module_& m) {
    bind_sparse<CsrArg>(m);
    bind_sparse<CscArg>(m);
    m.def(
        "sum_residual_excess",
        [](const py::array& counts, const Array<std::int32_t>& groups, const Vector& of_cell, const Vector& of_gene,
           const Vector& of_group, double theta, double clip, bool is_transposed, int threads) {
            require(counts.ndim() == 2, "counts: expected a matrix");
            const Size n_cells = counts.shape(is_transposed ? 1 : 0);
            const Size n_genes = counts.shape(is_transposed ? 0 : 1);
            return excess(
                n_cells, n_genes, groups, of_cell, of_gene, of_group, theta, clip,
                [&](const auto& by, const auto& totals, const auto& options, auto sums, auto squares) {
                    visit_number(counts, [&](auto view) {
                        run([&] {
                            if (is_transposed) {
                                sum_residual_excess_of_rows(view, by, totals, options, sums, squares, Threads{threads});
                            } else {
                                sum_residual_excess(view, by, totals, options, sums, squares, Threads{threads});
                            }
                        });
                    });
                });
        },
        py::arg("counts").noconvert(), py::arg("groups").noconvert(), py::arg("cell_totals").noconvert(),
        py::arg("gene_totals").noconvert(), py::arg("group_totals").noconvert(), py::arg("theta"), py::arg("clip"),
        py::arg("is_transposed") = false, py::arg("threads"));
    m.def(
        "pearson_residuals",
        [](const py::array& counts, const Vector& of_cell, const Vector& of_gene, const Vector& of_group, double theta,
           double clip, int threads) {
            require(counts.ndim() == 2, "counts: expected a matrix");
            const Totals totals(counts.shape(0), counts.shape(1), of_cell, of_gene, of_group);
            return visit_number(counts, [&](auto view) {
                return residuals_of(view, view.n_rows(), view.n_cols(), totals, theta, clip, threads);
            });
        },
        py::arg("counts").noconvert(), py::arg("cell_totals").noconvert(), py::arg("gene_totals").noconvert(),
        py::arg("group_totals").noconvert(), py::arg("theta"), py::arg("clip"), py::arg("threads"));
    m.def(
        "sum_zero_residuals",
        [](const Vector& gene_totals, const Vector& cell_totals, const Vector& n_cells_with, double total, double theta,
           double clip, int threads) {
            require(cell_totals.size() == n_cells_with.size(), "cell totals: expected a number of cells for each");
            auto sums = new_vector<double>(gene_totals.size());
            auto squares = new_vector<double>(gene_totals.size());
            const auto genes = vector(gene_totals);
            const auto cells = vector(cell_totals);
            const auto counts = vector(n_cells_with);
            const auto out_sums = mutable_vector(sums);
            const auto out_squares = mutable_vector(squares);
            run([&] {
                sum_zero_residuals(genes, cells, counts, total, {theta, clip}, out_sums, out_squares, Threads{threads});
            });
            return py::make_tuple(sums, squares);
        },
        py::arg("gene_totals").noconvert(), py::arg("cell_totals").noconvert(), py::arg("n_cells_with").noconvert(),
        py::arg("total"), py::arg("theta"), py::arg("clip"), py::arg("threads"));
}

}  // namespace cellweave::bindings
