#include "embed/pca.hpp"

#include <type_traits>

#include "call.hpp"
#include "eigen_arrays.hpp"
#include "embed/implicit_scaling.hpp"
#include "linalg/dense_products.hpp"
#include "module.hpp"
#include "sparse/products.hpp"

namespace cellweave::bindings {

namespace {

template <class View>
using ValueOf = std::remove_cvref_t<decltype(*std::declval<View>().data())>;

template <class View>
py::tuple call_pca(View matrix, const Array<double>& shift, Size n_components, int threads) {
    using S = ValueOf<View>;
    require(shift.size() == 0 || shift.size() == matrix.n_cols(), "shift: expected one value a gene");
    const auto subtracted = vector(shift);
    Pca<S> result =
        run([&] { return pca<View, S>(matrix, subtracted, {.n_components = n_components}, Threads{threads}); });
    return py::make_tuple(as_array(std::move(result.scores)), as_array(std::move(result.components)),
                          as_array(std::move(result.squares)), result.total_squares, result.has_converged);
}

template <class View>
py::array call_project(View matrix, const Array<double>& shift, const Array<double>& components, int threads) {
    using S = ValueOf<View>;
    const auto by = bindings::matrix<double>(components);
    require(by.n_cols() == matrix.n_cols(), "components: expected one value a gene");
    require(shift.size() == 0 || shift.size() == matrix.n_cols(), "shift: expected one value a gene");
    const auto subtracted = vector(shift);
    const RowMatrix<double> loadings = as_eigen(by);
    auto scores = new_matrix<S>(matrix.n_rows(), by.n_rows());
    const auto out = mutable_matrix(scores);
    run([&] { project<View, S>(matrix, subtracted, loadings, out, Threads{threads}); });
    return scores;
}

/// Defines `name` for a sparse and for a dense matrix of float32 or float64.
template <class... Rest, class F, class... Extra>
void define(py::module_& m, const char* name, F f, const Extra&... extra) {
    m.def(
        name,
        [f](const CsrArg& matrix, Rest... rest) {
            return matrix.visit_real([&](auto view) { return f(view, rest...); });
        },
        py::arg("matrix"), extra...);
    m.def(
        name,
        [f](const py::array& matrix, Rest... rest) {
            return visit_real(matrix, [&](auto view) { return f(view, rest...); });
        },
        py::arg("matrix").noconvert(), extra...);
}

}  // namespace

void bind_pca(py::module_& m) {
    define<int>(
        m, "column_means",
        [](auto matrix, int threads) { return as_array(run([&] { return column_means(matrix, Threads{threads}); })); },
        py::arg("threads"));
    define<Array<double>, Size, int>(
        m, "pca",
        [](auto matrix, const Array<double>& shift, Size n, int threads) {
            return call_pca(matrix, shift, n, threads);
        },
        py::arg("shift").noconvert(), py::arg("n_components"), py::arg("threads"));
    define<Array<double>, Array<double>, int>(
        m, "project",
        [](auto matrix, const Array<double>& shift, const Array<double>& components, int threads) {
            return call_project(matrix, shift, components, threads);
        },
        py::arg("shift").noconvert(), py::arg("components").noconvert(), py::arg("threads"));
    m.def(
        "scale_implicitly",
        [](const CsrArg& matrix, const Array<double>& mean, const Array<double>& deviation, double largest,
           int threads) {
            require(mean.size() == matrix.line_length() && deviation.size() == mean.size(),
                    "mean: expected one value a gene");
            return matrix.visit_real([&](auto view) -> py::tuple {
                auto entries = new_vector<ValueOf<decltype(view)>>(view.nnz());
                auto zeros = new_vector<double>(view.n_cols());
                const GeneScaling scaling{vector(mean), vector(deviation), largest};
                const auto out = mutable_vector(entries);
                const auto of_zero = mutable_vector(zeros);
                run([&] { scale_implicitly(view, scaling, out, of_zero, Threads{threads}); });
                return py::make_tuple(entries, zeros);
            });
        },
        py::arg("matrix"), py::arg("mean").noconvert(), py::arg("deviation").noconvert(), py::arg("largest"),
        py::arg("threads"));
    m.def(
        "scale_densely",
        [](const py::array& matrix, const Array<double>& mean, const Array<double>& deviation, double largest,
           int threads) {
            return visit_real(matrix, [&](auto view) -> py::array {
                require(mean.size() == view.n_cols() && deviation.size() == mean.size(),
                        "mean: expected one value a gene");
                auto scaled = new_matrix<ValueOf<decltype(view)>>(view.n_rows(), view.n_cols());
                const GeneScaling scaling{vector(mean), vector(deviation), largest};
                const auto out = mutable_matrix(scaled);
                run([&] { scale_densely(view, scaling, out, Threads{threads}); });
                return scaled;
            });
        },
        py::arg("matrix").noconvert(), py::arg("mean").noconvert(), py::arg("deviation").noconvert(),
        py::arg("largest"), py::arg("threads"));
}

}  // namespace cellweave::bindings
