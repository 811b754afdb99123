#include <pybind11/stl.h>

#include "arrays.hpp"
#include "call.hpp"
#include "module.hpp"
#include "preprocess/filter.hpp"
#include "preprocess/normalize.hpp"
#include "preprocess/qc.hpp"
#include "preprocess/scale.hpp"
#include "sparse/select.hpp"

namespace cellweave::bindings {

namespace {

using Mask = Array<std::uint8_t>;

/// Calls `f` with a view of a CSR argument or of a dense matrix, of floats or integers.
template <class F>
void visit_counts(const py::object& counts, F&& f) {
    if (py::isinstance<CsrArg>(counts)) {
        counts.cast<const CsrArg&>().visit_number<Indices::checked_by_kernel>(f);
    } else {
        visit_number(counts.cast<py::array>(), f);
    }
}

Size n_rows_of(const py::object& matrix) {
    if (py::isinstance<CsrArg>(matrix)) return matrix.cast<const CsrArg&>().n_rows();
    if (py::isinstance<CscArg>(matrix)) return matrix.cast<const CscArg&>().n_rows();
    return matrix.cast<py::array>().shape(0);
}

Size n_cols_of(const py::object& matrix) {
    if (py::isinstance<CsrArg>(matrix)) return matrix.cast<const CsrArg&>().n_cols();
    if (py::isinstance<CscArg>(matrix)) return matrix.cast<const CscArg&>().n_cols();
    return matrix.cast<py::array>().shape(1);
}

/// A dense float32 or float64 matrix that may be written.
template <class F>
void visit_mutable_matrix(const py::array& dense, F&& f) {
    visit_dtype<float, double>(dense, "matrix", [&]<class T>(std::type_identity<T>) {
        auto array = as_it_is<T>(dense);
        f(mutable_matrix<T>(array));
    });
}

py::tuple describe(const py::object& counts, const Mask& gene_sets, const std::vector<Size>& top_ranks,
                   bool describes_genes, int threads) {
    const Size n_cells = n_rows_of(counts);
    const Size n_genes = describes_genes ? n_cols_of(counts) : 0;
    const auto sets = matrix<std::uint8_t>(gene_sets);
    auto cell_totals = new_vector<double>(n_cells);
    auto n_genes_of_cell = new_vector<std::int64_t>(n_cells);
    auto top_totals = new_matrix<double>(n_cells, static_cast<Size>(top_ranks.size()));
    auto set_totals = new_matrix<double>(n_cells, sets.n_rows());
    auto gene_totals = new_vector<double>(n_genes);
    auto n_cells_of_gene = new_vector<std::int64_t>(n_genes);
    const CellMetrics cells{mutable_vector(cell_totals), mutable_vector(n_genes_of_cell), mutable_matrix(top_totals),
                            mutable_matrix(set_totals)};
    const GeneMetrics genes{mutable_vector(gene_totals), mutable_vector(n_cells_of_gene)};
    const QcOptions options{top_ranks};
    visit_counts(
        counts, [&](auto view) { run([&] { describe_counts(view, sets, options, cells, genes, Threads{threads}); }); });
    return py::make_tuple(cell_totals, n_genes_of_cell, top_totals, set_totals, gene_totals, n_cells_of_gene);
}

Array<double> tally(const py::object& counts, bool over_rows, bool detected, int threads) {
    const Tally what = detected ? Tally::detected : Tally::totals;
    auto out = new_vector<double>(over_rows ? n_rows_of(counts) : n_cols_of(counts));
    const auto sums = mutable_vector(out);
    const auto of_compressed = [&](const auto& compressed, bool along_lines) {
        compressed.template visit_number<Indices::checked_by_kernel>([&](auto view) {
            run([&] {
                if (along_lines) {
                    tally_lines(view, what, sums, Threads{threads});
                } else {
                    tally_across(view, what, sums, Threads{threads});
                }
            });
        });
    };
    if (py::isinstance<CsrArg>(counts)) {
        of_compressed(counts.cast<const CsrArg&>(), over_rows);
    } else if (py::isinstance<CscArg>(counts)) {
        of_compressed(counts.cast<const CscArg&>(), !over_rows);
    } else {
        visit_number(counts.cast<py::array>(), [&](auto view) {
            run([&] {
                over_rows ? tally_rows(view, what, sums, Threads{threads})
                          : tally_cols(view, what, sums, Threads{threads});
            });
        });
    }
    return out;
}

/// Calls `f(CompressedView<const W, I>)` with the values as words of their size.
template <class F>
void visit_words(const CompressedArg& matrix, F&& f) {
    const auto visit_as = [&]<class W, class I>(std::type_identity<W>, std::type_identity<I>) {
        f(CompressedView<const W, I>(
            static_cast<const W*>(matrix.data().data()), static_cast<const I*>(matrix.indices().data()),
            static_cast<const I*>(matrix.indptr().data()), matrix.n_lines(), matrix.line_length()));
    };
    visit_dtype<std::int32_t, std::int64_t>(matrix.indptr(), "indptr", [&]<class I>(std::type_identity<I> index) {
        switch (matrix.data().itemsize()) {
            case 1:
                return visit_as(std::type_identity<std::uint8_t>{}, index);
            case 2:
                return visit_as(std::type_identity<std::uint16_t>{}, index);
            case 4:
                return visit_as(std::type_identity<std::uint32_t>{}, index);
            case 8:
                return visit_as(std::type_identity<std::uint64_t>{}, index);
            default:
                throw py::type_error("values of " + std::to_string(matrix.data().itemsize()) +
                                     " bytes are not supported");
        }
    });
}

/// Allocates the three arrays of a selection: `plan(view, indptr)` returns the number of entries, `copy` fills the
/// rest.
template <class Plan, class Copy>
py::tuple select(const CompressedArg& matrix, Size n_lines, Plan&& plan, Copy&& copy) {
    py::tuple result;
    matrix.explain([&] {
        visit_words(matrix, [&]<class W, class I>(CompressedView<const W, I> view) {
            auto indptr = new_vector<I>(n_lines + 1);
            const auto ends = mutable_vector(indptr);
            const Size n_entries = run([&] { return plan(view, ends); });
            py::array data(matrix.data().dtype(), std::vector<py::ssize_t>{static_cast<py::ssize_t>(n_entries)});
            auto indices = new_vector<I>(n_entries);
            auto* const data_out = static_cast<W*>(data.mutable_data());
            auto* const indices_out = indices.mutable_data();
            run([&] { copy(view, std::span<const I>(ends), data_out, indices_out); });
            result = py::make_tuple(data, indices, indptr);
        });
    });
    return result;
}

py::tuple select_lines(const CompressedArg& matrix, const Array<Size>& lines, int threads) {
    const auto chosen = vector(lines);
    return select(
        matrix, lines.size(), [&](auto view, auto indptr) { return plan_lines(view, chosen, indptr); },
        [&](auto view, auto indptr, auto* data, auto* indices) {
            copy_lines(view, chosen, indptr, data, indices, Threads{threads});
        });
}

py::tuple select_positions(const CompressedArg& matrix, const Array<Size>& new_position, int threads) {
    const auto wide = vector(new_position);
    std::vector<std::int32_t> narrow;
    const auto positions = [&]<class I>(std::type_identity<I>) {
        if constexpr (std::is_same_v<I, Size>) {
            return wide;
        } else {
            if (narrow.empty()) narrow.assign(wide.begin(), wide.end());
            return std::span<const std::int32_t>(narrow);
        }
    };
    return select(
        matrix, matrix.n_lines(),
        [&]<class I>(auto view, std::span<I> indptr) {
            return plan_positions(view, positions(std::type_identity<I>{}), indptr, Threads{threads});
        },
        [&]<class I>(auto view, std::span<const I> indptr, auto* data, I* indices) {
            copy_positions(view, positions(std::type_identity<I>{}), indptr, data, indices, Threads{threads});
        });
}

void bind_select(py::module_& m) {
    // Both classes of compressed argument share the layout that these work on, so each is bound for both.
    const auto bind = [&]<class Arg>(std::type_identity<Arg>) {
        m.def(
            "select_lines",
            [](const Arg& matrix, const Array<Size>& lines, int threads) {
                return select_lines(matrix, lines, threads);
            },
            py::arg("matrix"), py::arg("lines").noconvert(), py::arg("threads"));
        m.def(
            "select_positions",
            [](const Arg& matrix, const Array<Size>& new_position, int threads) {
                return select_positions(matrix, new_position, threads);
            },
            py::arg("matrix"), py::arg("new_position").noconvert(), py::arg("threads"));
    };
    bind(std::type_identity<CsrArg>{});
    bind(std::type_identity<CscArg>{});
}

/// Calls `f` with a view of a CSR argument or of a dense matrix, of floats; the values alone are read.
template <class F>
void visit_values(const py::object& counts, F&& f) {
    if (py::isinstance<CsrArg>(counts)) {
        counts.cast<const CsrArg&>().visit_real<Indices::checked_by_kernel>(f);
    } else {
        visit_real(counts.cast<py::array>(), f);
    }
}

template <class F>
void visit_trusted(const py::object& counts, F&& f) {
    if (py::isinstance<CsrArg>(counts)) {
        counts.cast<const CsrArg&>().visit_real(f);
    } else {
        visit_real(counts.cast<py::array>(), f);
    }
}

void bind_normalize(py::module_& m) {
    m.def(
        "count_totals",
        [](const py::object& counts, const std::string& name, int threads) {
            auto totals = new_vector<double>(n_rows_of(counts));
            const auto out = mutable_vector(totals);
            bool has_negative = false;
            visit_values(counts, [&](auto view) {
                has_negative = run([&] { return count_totals(view, out, name, Threads{threads}); });
            });
            return py::make_tuple(totals, has_negative);
        },
        py::arg("counts"), py::arg("name"), py::arg("threads"));
    m.def(
        "find_dominant_genes",
        [](const py::object& counts, const Array<double>& totals, double max_fraction, int threads) {
            auto is_high = new_vector<std::uint8_t>(n_cols_of(counts));
            const auto out = mutable_vector(is_high);
            const auto of_cell = vector(totals);
            visit_trusted(counts, [&](auto view) {
                run([&] { find_dominant_genes(view, of_cell, max_fraction, out, Threads{threads}); });
            });
            return is_high;
        },
        py::arg("counts"), py::arg("totals").noconvert(), py::arg("max_fraction"), py::arg("threads"));
    m.def(
        "totals_without",
        [](const py::object& counts, const Mask& is_left_out, int threads) {
            auto totals = new_vector<double>(n_rows_of(counts));
            const auto out = mutable_vector(totals);
            const auto marks = vector(is_left_out);
            visit_trusted(counts, [&](auto view) { run([&] { totals_without(view, marks, out, Threads{threads}); }); });
            return totals;
        },
        py::arg("counts"), py::arg("is_left_out").noconvert(), py::arg("threads"));
    m.def(
        "divide_rows",
        [](const py::object& counts, const Array<double>& divisors, int threads) {
            const auto by = vector(divisors);
            const auto divide = [&](auto view) { run([&] { divide_rows(view, by, Threads{threads}); }); };
            if (py::isinstance<CsrArg>(counts)) {
                counts.cast<const CsrArg&>().visit_mutable<Indices::checked_by_kernel>(divide);
            } else {
                visit_mutable_matrix(counts.cast<py::array>(), divide);
            }
        },
        py::arg("counts"), py::arg("divisors").noconvert(), py::arg("threads"));
    m.def(
        "log1p_in_place",
        [](const py::array& values, std::optional<double> base, int threads) {
            Log1pWarnings met;
            visit_dtype<float, double>(values, "values", [&]<class T>(std::type_identity<T>) {
                auto array = as_it_is<T>(values);
                const auto span = mutable_vector(array);
                met = run([&] { return log1p_in_place(span, base, Threads{threads}); });
            });
            return py::make_tuple(met.is_minus_one_met, met.is_below_minus_one);
        },
        py::arg("values").noconvert(), py::arg("base"), py::arg("threads"));
}

void bind_scale(py::module_& m) {
    m.def(
        "scale_in_place",
        [](const py::object& matrix, const Mask& mask, const Array<double>& means, const Array<double>& stds,
           bool zero_center, std::optional<double> max_value, int threads) {
            const auto rows = vector(mask);
            const auto mean = vector(means);
            const auto std = vector(stds);
            const ScaleOptions options{zero_center, max_value};
            const auto sparse = [&](auto view) {
                run([&] { scale_in_place(view, rows, std, options, Threads{threads}); });
            };
            if (py::isinstance<CsrArg>(matrix)) {
                matrix.cast<const CsrArg&>().visit_mutable(sparse);
            } else if (py::isinstance<CscArg>(matrix)) {
                matrix.cast<const CscArg&>().visit_mutable(sparse);
            } else {
                visit_mutable_matrix(matrix.cast<py::array>(), [&](auto view) {
                    run([&] { scale_in_place(view, rows, mean, std, options, Threads{threads}); });
                });
            }
        },
        py::arg("matrix"), py::arg("mask").noconvert(), py::arg("means").noconvert(), py::arg("stds").noconvert(),
        py::arg("zero_center"), py::arg("max_value"), py::arg("threads"));
    m.def(
        "scale_to_dense",
        [](const CsrArg& matrix, const Mask& mask, const Array<double>& means, const Array<double>& stds,
           bool zero_center, std::optional<double> max_value, const py::array& out, int threads) {
            const auto rows = vector(mask);
            const auto mean = vector(means);
            const auto std = vector(stds);
            const ScaleOptions options{zero_center, max_value};
            visit_mutable_matrix(out, [&](auto dense) {
                matrix.visit_real<Indices::checked_by_kernel>([&](auto view) {
                    run([&] { scale_to_dense(view, rows, mean, std, options, dense, Threads{threads}); });
                });
            });
        },
        py::arg("matrix"), py::arg("mask").noconvert(), py::arg("means").noconvert(), py::arg("stds").noconvert(),
        py::arg("zero_center"), py::arg("max_value"), py::arg("out").noconvert(), py::arg("threads"));
}

}  // namespace

void bind_preprocess(py::module_& m) {
    m.def("describe_counts", &describe, py::arg("counts"), py::arg("gene_sets").noconvert(), py::arg("top_ranks"),
          py::arg("describes_genes"), py::arg("threads"));
    m.def("tally", &tally, py::arg("counts"), py::arg("over_rows"), py::arg("detected"), py::arg("threads"));
    bind_select(m);
    bind_normalize(m);
    bind_scale(m);
}

}  // namespace cellweave::bindings
