#include <pybind11/stl.h>

#include <optional>

#include "arrays.hpp"
#include "call.hpp"
#include "groups.hpp"
#include "module.hpp"
#include "rank/rank_sums.hpp"

namespace cellweave::bindings {

namespace {

/// Results that every layout shares; `rank(groups, out)` calls the engine.
template <class Rank>
py::tuple ranked(Size n_cells, Size n_genes, const Array<std::int32_t>& group_of_cell, Size n_groups,
                 std::optional<Size> reference, Rank&& rank) {
    require(n_cells > 0, "cells: there is none");
    const CellGroups groups = cell_groups(group_of_cell, n_cells, n_groups);
    require(!reference || (*reference >= 0 && *reference < n_groups), "reference: there is no such group");
    auto sums = new_matrix<double>(n_groups, n_genes);
    auto ties = new_matrix<double>(n_groups, n_genes);
    rank(groups, RankSums{mutable_matrix(sums), mutable_matrix(ties)});
    return py::make_tuple(sums, ties);
}

template <class Arg>
void bind_sparse_rank_sums(py::module_& m) {
    m.def(
        "rank_sums",
        [](const Arg& cells, const Array<std::int32_t>& groups, Size n_groups, std::optional<Size> reference,
           int threads) {
            return ranked(
                cells.n_rows(), cells.n_cols(), groups, n_groups, reference, [&](const auto& by, const auto& out) {
                    cells.visit_real(
                        [&](auto view) { run([&] { rank_sums(view, by, reference, out, Threads{threads}); }); });
                });
        },
        py::arg("cells"), py::arg("groups").noconvert(), py::arg("n_groups"), py::arg("reference"), py::arg("threads"));
}

}  // namespace

void bind_rank(py::module_& m) {
    bind_sparse_rank_sums<CsrArg>(m);
    bind_sparse_rank_sums<CscArg>(m);
    m.def(
        "rank_sums",
        [](const py::array& cells, const Array<std::int32_t>& groups, Size n_groups, std::optional<Size> reference,
           int threads) {
            require(cells.ndim() == 2, "cells: expected a matrix");
            return ranked(
                cells.shape(0), cells.shape(1), groups, n_groups, reference, [&](const auto& by, const auto& out) {
                    visit_real(cells,
                               [&](auto view) { run([&] { rank_sums(view, by, reference, out, Threads{threads}); }); });
                });
        },
        py::arg("cells").noconvert(), py::arg("groups").noconvert(), py::arg("n_groups"), py::arg("reference"),
        py::arg("threads"));
}

}  // namespace cellweave::bindings
