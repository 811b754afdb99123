#include "call.hpp"
#include "eigen_arrays.hpp"
#include "linalg/orthonormal.hpp"
#include "linalg/randomized_svd.hpp"
#include "module.hpp"
#include "sparse/products.hpp"

namespace cellweave::bindings {

namespace {

/// (U, s, Vt) as numpy arrays.
template <Real S>
py::tuple as_tuple(SingularTriplets<S>&& triplets) {
    return py::make_tuple(as_array(std::move(triplets.left)), as_array(std::move(triplets.values)),
                          as_array(std::move(triplets.right)));
}

template <class Matrix>
py::tuple call_randomized_svd(Matrix matrix, const py::array& start, const RandomizedSvdOptions& options, int threads) {
    return visit_real(start, [&]<class S>(DenseView<const S> first) {
        return as_tuple(run([&] { return randomized_svd(matrix, first, options, Threads{threads}); }));
    });
}

}  // namespace

void bind_linalg(py::module_& m) {
    m.def(
        "randomized_svd",
        [](const CsrArg& matrix, const py::array& start, Size n_components, int n_iterations, bool center,
           int threads) {
            const RandomizedSvdOptions options{n_components, n_iterations, center};
            return matrix.visit_real([&](auto view) { return call_randomized_svd(view, start, options, threads); });
        },
        py::arg("matrix"), py::arg("start").noconvert(), py::arg("n_components"), py::arg("n_iterations") = 2,
        py::arg("center") = true, py::arg("threads"),
        "(U, s, Vt) of a sparse matrix; start is min(n_rows, n_cols) x (n_components + oversampling).");
    m.def(
        "randomized_svd",
        [](const py::array& matrix, const py::array& start, Size n_components, int n_iterations, bool center,
           int threads) {
            const RandomizedSvdOptions options{n_components, n_iterations, center};
            return visit_real(matrix, [&](auto view) { return call_randomized_svd(view, start, options, threads); });
        },
        py::arg("matrix").noconvert(), py::arg("start").noconvert(), py::arg("n_components"),
        py::arg("n_iterations") = 2, py::arg("center") = true, py::arg("threads"));
    m.def(
        "multiply",
        [](const CsrArg& left, const Array<double>& right, int threads) {
            auto product = new_matrix<double>(left.n_rows(), right.shape(1));
            const auto out = mutable_matrix(product);
            const auto factor = matrix<double>(right);
            require(factor.n_rows() == left.n_cols(), "the shapes of a product do not fit");
            left.visit_real([&](auto view) { run([&] { multiply(view, factor, out, {}, Threads{threads}); }); });
            return product;
        },
        "A sparse matrix times a thin dense one.", py::arg("left"), py::arg("right").noconvert(), py::arg("threads"));
    m.def(
        "basis_of_columns",
        [](const Array<double>& columns, int threads) {
            const auto view = matrix<double>(columns);
            return as_array(run([&] { return basis_of_columns(view, Threads{threads}); }));
        },
        py::arg("columns").noconvert(), py::arg("threads"));
}

}  // namespace cellweave::bindings
