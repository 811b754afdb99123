#include "preprocess/regress.hpp"

#include "arrays.hpp"
#include "call.hpp"
#include "module.hpp"
#include "preprocess/downsample.hpp"
#include "preprocess/gene_scores.hpp"

namespace cellweave::bindings {

namespace {

template <class F>
void visit_output(const py::array& out, F&& f) {
    visit_dtype<float, double>(out, "out", [&]<class T>(std::type_identity<T>) {
        auto array = as_it_is<T>(out);
        f(mutable_matrix<T>(array));
    });
}

template <template <class, class> class View>
Size genes_of(const SparseArg<View>& x) {
    return x.n_cols();
}
Size genes_of(const py::array& x) {
    return x.shape(1);
}

template <template <class, class> class View, class F>
void visit_matrix(const SparseArg<View>& x, F&& f) {
    x.template visit_real<Indices::checked_by_kernel>(f);
}
template <class F>
void visit_matrix(const py::array& x, F&& f) {
    visit_real(x, f);
}

/// Products of a design with the genes, for one kind of matrix.
template <class Arg>
void bind_project(py::module_& m) {
    m.def(
        "project",
        [](const Arg& x, const Array<double>& design, int threads) {
            auto out = new_matrix<double>(design.shape(1), genes_of(x));
            const auto products = mutable_matrix(out);
            const auto factors = matrix<double>(design);
            visit_matrix(x, [&](auto view) { run([&] { project(view, factors, products, Threads{threads}); }); });
            return out;
        },
        py::arg("x").noconvert(), py::arg("design").noconvert(), py::arg("threads"));
}

template <class Arg>
void bind_rewriting(py::module_& m) {
    m.def(
        "subtract_fit",
        [](const Arg& x, const Array<double>& design, const Array<double>& coefficients, const py::array& out,
           int threads) {
            const auto factors = matrix<double>(design);
            const auto fitted = matrix<double>(coefficients);
            visit_output(out, [&](auto dense) {
                visit_matrix(
                    x, [&](auto view) { run([&] { subtract_fit(view, factors, fitted, dense, Threads{threads}); }); });
            });
        },
        py::arg("x").noconvert(), py::arg("design").noconvert(), py::arg("coefficients").noconvert(),
        py::arg("out").noconvert(), py::arg("threads"));
    m.def(
        "apply_group_lines",
        [](const Arg& x, const Array<std::int32_t>& group_of_cell, const Array<double>& slopes,
           const Array<double>& offsets, Array<double>& out, int threads) {
            const auto groups = vector(group_of_cell);
            for (const std::int32_t group : groups)
                require(group >= 0 && group < slopes.shape(0), "groups: a number is out of range");
            const auto slope = matrix<double>(slopes);
            const auto offset = matrix<double>(offsets);
            const auto dense = mutable_matrix(out);
            visit_matrix(x, [&](auto view) {
                run([&] { apply_group_lines(view, groups, slope, offset, dense, Threads{threads}); });
            });
        },
        py::arg("x").noconvert(), py::arg("group_of_cell").noconvert(), py::arg("slopes").noconvert(),
        py::arg("offsets").noconvert(), py::arg("out").noconvert(), py::arg("threads"));
}

template <class Arg>
void bind_scores(py::module_& m) {
    m.def(
        "sum_columns",
        [](const Arg& x, int threads) {
            auto sums = new_vector<double>(genes_of(x));
            auto n_missing = new_vector<std::int64_t>(genes_of(x));
            const SumsWithoutMissing out{mutable_vector(sums), mutable_vector(n_missing)};
            x.template visit_real<Indices::checked_by_kernel>(
                [&](auto view) { run([&] { sum_columns(view, out, Threads{threads}); }); });
            return py::make_tuple(sums, n_missing);
        },
        py::arg("x"), py::arg("threads"));
    m.def(
        "sum_sets",
        [](const Arg& x, const Array<std::uint8_t>& sets, int threads) {
            auto sums = new_matrix<double>(2, x.n_rows());
            auto n_missing = new_matrix<std::int64_t>(2, x.n_rows());
            const SumsWithoutMissing out{mutable_vector(sums), mutable_vector(n_missing)};
            const auto members = vector(sets);
            x.template visit_real<Indices::checked_by_kernel>(
                [&](auto view) { run([&] { sum_sets(view, members, out, Threads{threads}); }); });
            return py::make_tuple(sums, n_missing);
        },
        py::arg("x"), py::arg("sets").noconvert(), py::arg("threads"));
}

/// Counts that may be written: floats and integers.
template <class F>
void visit_mutable_counts(const py::array& data, F&& f) {
    visit_dtype<float, double, std::int32_t, std::int64_t>(data, "counts", [&]<class T>(std::type_identity<T> type) {
        auto array = as_it_is<T>(data);
        f(type, array);
    });
}

void downsample_csr(const CsrArg& counts, const Array<Size>& targets, std::uint32_t seed, bool replace, int threads) {
    const auto wanted = vector(targets);
    const DownsampleOptions options{seed, replace};
    visit_mutable_counts(counts.data(), [&]<class T>(std::type_identity<T>, Array<T>& data) {
        visit_dtype<std::int32_t, std::int64_t>(counts.indptr(), "indptr", [&]<class I>(std::type_identity<I>) {
            const CsrView<T, I> view(data.mutable_data(), static_cast<const I*>(counts.indices().data()),
                                     static_cast<const I*>(counts.indptr().data()), counts.n_lines(),
                                     counts.line_length());
            run([&] { downsample_rows(view, wanted, options, Threads{threads}); });
        });
    });
}

}  // namespace

void bind_regress(py::module_& m) {
    bind_project<CsrArg>(m);
    bind_project<CscArg>(m);
    bind_project<py::array>(m);
    bind_rewriting<CsrArg>(m);
    bind_rewriting<py::array>(m);
    bind_scores<CsrArg>(m);
    bind_scores<CscArg>(m);
    m.def("downsample_rows", &downsample_csr, py::arg("counts"), py::arg("targets").noconvert(), py::arg("seed"),
          py::arg("replace"), py::arg("threads"));
    m.def(
        "downsample_rows",
        [](const py::array& counts, const Array<Size>& targets, std::uint32_t seed, bool replace, int threads) {
            const auto wanted = vector(targets);
            const DownsampleOptions options{seed, replace};
            visit_mutable_counts(counts, [&]<class T>(std::type_identity<T>, Array<T>& array) {
                const auto view = mutable_matrix(array);
                run([&] { downsample_rows(view, wanted, options, Threads{threads}); });
            });
        },
        py::arg("counts").noconvert(), py::arg("targets").noconvert(), py::arg("seed"), py::arg("replace"),
        py::arg("threads"));
    m.def(
        "downsample",
        [](const py::array& values, Size target, std::uint32_t seed, bool replace) {
            const DownsampleOptions options{seed, replace};
            visit_mutable_counts(values, [&]<class T>(std::type_identity<T>, Array<T>& array) {
                const auto all = mutable_vector(array);
                run([&] { downsample(all, target, options); });
            });
        },
        py::arg("values").noconvert(), py::arg("target"), py::arg("seed"), py::arg("replace"));
}

}  // namespace cellweave::bindings
