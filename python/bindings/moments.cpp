#include "sparse/moments.hpp"

#include <pybind11/stl.h>

#include <optional>

#include "arrays.hpp"
#include "call.hpp"
#include "groups.hpp"
#include "module.hpp"

namespace cellweave::bindings {

namespace {

using Groups = Array<std::int32_t>;
using Caps = Array<double>;

/// Results and settings that every layout shares; `sum(options, groups, sums, squares)` calls the engine.
template <class Sum>
py::tuple moments(Size n_cells, Size n_genes, const std::optional<Groups>& group_of_cell, Size n_groups,
                  std::optional<double> log_base, const std::optional<Caps>& caps, bool above_caps, Sum&& sum) {
    CellGroups groups{{}, n_groups};
    if (group_of_cell) groups = cell_groups(*group_of_cell, n_cells, n_groups);
    require(n_groups >= 1 && (group_of_cell || n_groups == 1), "groups: expected at least one");
    auto sums = new_matrix<double>(n_groups, n_genes);
    auto squares = new_matrix<double>(n_groups, n_genes);
    MomentsOptions options{.undo_log1p = log_base.has_value(), .log_base = log_base.value_or(1.0)};
    std::optional<DenseView<const double>> cap_view;
    if (caps) {
        cap_view = matrix<double>(*caps);
        require(cap_view->n_rows() == n_groups && cap_view->n_cols() == n_genes, "caps: expected groups x genes");
        options.caps = &*cap_view;
        options.above_caps = above_caps;
    }
    const ValueKinds kinds = sum(groups, options, mutable_matrix(sums), mutable_matrix(squares));
    return py::make_tuple(sums, squares, kinds.has_negative, kinds.has_fraction, kinds.has_nonfinite);
}

template <class Arg>
void bind_sparse_moments(py::module_& m) {
    m.def(
        "sum_moments",
        [](const Arg& cells, const std::optional<Groups>& groups, Size n_groups, std::optional<double> log_base,
           const std::optional<Caps>& caps, bool above_caps, int threads) {
            return moments(
                cells.n_rows(), cells.n_cols(), groups, n_groups, log_base, caps, above_caps,
                [&](const auto& by, const auto& options, auto sums, auto squares) {
                    return cells.template visit_number<Indices::checked_by_kernel>([&](auto view) {
                        return run([&] { return sum_moments(view, by, options, sums, squares, Threads{threads}); });
                    });
                });
        },
        py::arg("cells"), py::arg("groups").noconvert() = py::none(), py::arg("n_groups") = 1,
        py::arg("log_base") = py::none(), py::arg("caps").noconvert() = py::none(), py::arg("above_caps") = false,
        py::arg("threads"));
}

}  // namespace

void bind_moments(py::module_& m) {
    bind_sparse_moments<CsrArg>(m);
    bind_sparse_moments<CscArg>(m);
    m.def(
        "sum_moments",
        [](const py::array& cells, const std::optional<Groups>& groups, Size n_groups, std::optional<double> log_base,
           const std::optional<Caps>& caps, bool above_caps, bool is_transposed, int threads) {
            require(cells.ndim() == 2, "cells: expected a matrix");
            const Size n_cells = cells.shape(is_transposed ? 1 : 0);
            const Size n_genes = cells.shape(is_transposed ? 0 : 1);
            return moments(n_cells, n_genes, groups, n_groups, log_base, caps, above_caps,
                           [&](const auto& by, const auto& options, auto sums, auto squares) {
                               return visit_number(cells, [&](auto view) {
                                   return run([&] {
                                       return is_transposed
                                                  ? sum_moments_of_rows(view, by, options, sums, squares,
                                                                        Threads{threads})
                                                  : sum_moments(view, by, options, sums, squares, Threads{threads});
                                   });
                               });
                           });
        },
        py::arg("cells").noconvert(), py::arg("groups").noconvert() = py::none(), py::arg("n_groups") = 1,
        py::arg("log_base") = py::none(), py::arg("caps").noconvert() = py::none(), py::arg("above_caps") = false,
        py::arg("is_transposed") = false, py::arg("threads"));
}

}  // namespace cellweave::bindings
