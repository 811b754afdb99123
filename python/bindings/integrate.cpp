#include <pybind11/stl.h>

#include "arrays.hpp"
#include "call.hpp"
#include "integrate/embed_cells.hpp"
#include "integrate/expression.hpp"
#include "integrate/move_cells.hpp"
#include "integrate/mutual_matches.hpp"
#include "integrate/nearest_rows.hpp"
#include "integrate/stack_normalized.hpp"
#include "linalg/unit_rows.hpp"
#include "module.hpp"

namespace cellweave::bindings {

namespace {

void count_entries(const CsrArg& counts, const Array<std::int64_t>& new_gene, py::array indptr, int threads) {
    visit_dtype<std::int32_t, std::int64_t>(indptr, "indptr", [&]<class J>(std::type_identity<J>) {
        auto out = as_it_is<J>(indptr);
        counts.visit_number([&](auto view) {
            const auto places = vector(new_gene);
            const auto ends = mutable_vector(out);
            run([&] { count_chosen(view, places, ends, Threads{threads}); });
        });
    });
}

void take_entries(const CsrArg& counts, const Array<std::int64_t>& new_gene, const py::array& indptr, bool normalize,
                  const py::array& values, const py::array& genes, int threads) {
    visit_dtype<std::int32_t, std::int64_t>(indptr, "indptr", [&]<class J>(std::type_identity<J>) {
        visit_dtype<float, double>(values, "values", [&]<class Out>(std::type_identity<Out>) {
            auto values_out = as_it_is<Out>(values);
            auto genes_out = as_it_is<J>(genes);
            counts.visit_number([&](auto view) {
                const auto places = vector(new_gene);
                const auto ends = vector(as_it_is<J>(indptr));
                const auto to_values = mutable_vector(values_out);
                const auto to_genes = mutable_vector(genes_out);
                run([&] { take_chosen(view, places, ends, normalize, to_values, to_genes, Threads{threads}); });
            });
        });
    });
}

py::list find_matches(const Array<double>& points, const Array<std::int64_t>& offsets, Size n_neighbors,
                      bool approximate, int threads) {
    const auto view = matrix(points);
    const auto bounds = vector(offsets);
    auto found = run([&] { return mutual_matches(view, bounds, {n_neighbors, approximate}, Threads{threads}); });
    py::list result;
    for (SetMatches& matches : found) {
        result.append(py::make_tuple(matches.first_set, matches.second_set, matches.n_matched_first,
                                     matches.n_matched_second, as_array(std::move(matches.first_cells)),
                                     as_array(std::move(matches.second_cells))));
    }
    return result;
}

Array<double> call_unit_rows(const Array<double>& points, int threads) {
    const auto rows = matrix(points);
    auto result = new_matrix<double>(rows.n_rows(), rows.n_cols());
    const auto out = mutable_matrix(result);
    run([&] { unit_rows(rows, out, Threads{threads}); });
    return result;
}

Array<double> call_embed_cells(const CsrArg& cells, const py::array& start, Size n_dimensions, int threads) {
    auto coordinates = new_matrix<double>(cells.n_lines(), n_dimensions);
    const auto out = mutable_matrix(coordinates);
    cells.visit_real([&](auto profiles) {
        visit_real(start, [&](auto from) { run([&] { embed_cells(profiles, from, out, Threads{threads}); }); });
    });
    return coordinates;
}

/// Sparse or dense profiles as readers that live as long as the list.
std::vector<std::unique_ptr<ExpressionReader>> expression_readers(const py::list& sets) {
    std::vector<std::unique_ptr<ExpressionReader>> readers;
    for (const py::handle set : sets) {
        if (py::isinstance<CsrArg>(set)) {
            set.cast<const CsrArg&>().visit_real([&](auto view) { readers.push_back(expression_reader(view)); });
        } else {
            readers.push_back(expression_reader(matrix(as_it_is<double>(set))));
        }
    }
    return readers;
}

void correct_expression(const py::list& sets, Size n_moved, const Array<std::int64_t>& cells,
                        const Array<std::int64_t>& references, double sigma, double least_total, bool shifts_only,
                        Array<double> result, int threads) {
    const auto readers = expression_readers(sets);
    std::vector<const ExpressionReader*> pointers;
    for (const auto& reader : readers) pointers.push_back(reader.get());
    const ExpressionSets profiles(pointers);
    const MatchedRows matches{vector(cells), vector(references)};
    const auto out = mutable_matrix(result);
    run([&] {
        move_expression(profiles, {0, n_moved}, matches, {sigma, least_total, shifts_only}, out, Threads{threads});
    });
}

}  // namespace

void bind_integrate(py::module_& m) {
    m.def("count_chosen", &count_entries, py::arg("counts"), py::arg("new_gene").noconvert(),
          py::arg("indptr").noconvert(), py::arg("threads"));
    m.def("take_chosen", &take_entries, py::arg("counts"), py::arg("new_gene").noconvert(),
          py::arg("indptr").noconvert(), py::arg("normalize"), py::arg("values").noconvert(),
          py::arg("genes").noconvert(), py::arg("threads"));
    m.def("unit_rows", &call_unit_rows, py::arg("points").noconvert(), py::arg("threads"));
    m.def("mutual_matches", &find_matches, py::arg("points").noconvert(), py::arg("offsets").noconvert(),
          py::arg("n_neighbors"), py::arg("approximate"), py::arg("threads"));
    m.def(
        "move_cells",
        [](Array<double> coordinates, const std::vector<std::pair<Size, Size>>& moved, const Array<std::int64_t>& cells,
           const Array<std::int64_t>& references, double sigma, double least_total, bool approximate, int threads) {
            const auto view = mutable_matrix(coordinates);
            std::vector<Range> ranges;
            for (const auto& [begin, end] : moved) ranges.push_back({begin, end});
            const MatchedRows matches{vector(cells), vector(references)};
            run([&] { move_cells(view, ranges, matches, {sigma, least_total, approximate}, Threads{threads}); });
        },
        py::arg("coordinates").noconvert(), py::arg("moved"), py::arg("cells").noconvert(),
        py::arg("references").noconvert(), py::arg("sigma"), py::arg("least_total"), py::arg("approximate"),
        py::arg("threads"));
    m.def("embed_cells", &call_embed_cells, py::arg("cells"), py::arg("start").noconvert(), py::arg("n_dimensions"),
          py::arg("threads"));
    m.def("move_expression", &correct_expression, py::arg("sets"), py::arg("n_moved"), py::arg("cells").noconvert(),
          py::arg("references").noconvert(), py::arg("sigma"), py::arg("least_total"), py::arg("shifts_only"),
          py::arg("result").noconvert(), py::arg("threads"));
    m.def(
        "nearest_rows",
        [](const Array<double>& queries, const Array<double>& rows, Size n_neighbors, int threads) {
            auto nearest = new_matrix<std::int64_t>(queries.shape(0), n_neighbors);
            const auto from = matrix(queries);
            const auto among = matrix(rows);
            const auto out = mutable_matrix(nearest);
            run([&] { nearest_rows(from, among, out, Threads{threads}); });
            return nearest;
        },
        py::arg("queries").noconvert(), py::arg("rows").noconvert(), py::arg("n_neighbors"), py::arg("threads"));
}

}  // namespace cellweave::bindings
