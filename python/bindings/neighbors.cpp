#include <pybind11/stl.h>

#include <optional>

#include "arrays.hpp"
#include "call.hpp"
#include "module.hpp"
#include "neighbors/approximate.hpp"
#include "neighbors/connectivities.hpp"
#include "neighbors/exact.hpp"

namespace cellweave::bindings {

namespace {

/// Calls `search(references, queries, table)` with both views of one dtype, and returns the filled table.
template <class Search>
py::tuple filled_table(const py::array& points, const std::optional<py::array>& queries, Size k, bool single_precision,
                       Search&& search) {
    return visit_real(points, [&]<class T>(DenseView<const T> references) {
        std::optional<DenseView<const T>> asked;
        if (queries) {
            if (!queries->dtype().equal(points.dtype()))
                throw py::type_error("queries and points have different dtypes");
            asked = matrix<T>(as_it_is<T>(*queries));
        }
        require(k >= 1 && k <= references.n_rows(), "k must be between 1 and the number of points, " +
                                                        std::to_string(references.n_rows()) + ", found " +
                                                        std::to_string(k));
        const Size n_queries = asked ? asked->n_rows() : references.n_rows();
        auto indices = new_matrix<std::int32_t>(n_queries, k);
        const auto fill = [&]<class D>(Array<D> distances) -> py::tuple {
            const NeighborTable<D> table{mutable_matrix(indices), mutable_matrix(distances)};
            run([&] { search(references, asked, table); });
            return py::make_tuple(std::move(indices), std::move(distances));
        };
        return single_precision ? fill(new_matrix<float>(n_queries, k)) : fill(new_matrix<double>(n_queries, k));
    });
}

template <Real T>
py::tuple as_tuple(Graph<T>&& graph) {
    return py::make_tuple(as_array(std::move(graph.weights)), as_array(std::move(graph.neighbors)),
                          as_array(std::move(graph.offsets)));
}

}  // namespace

void bind_neighbors(py::module_& m) {
    py::enum_<Metric>(m, "Metric")
        .value("euclidean", Metric::euclidean)
        .value("manhattan", Metric::manhattan)
        .value("cosine", Metric::cosine)
        .value("correlation", Metric::correlation);
    m.def(
        "exact_neighbors",
        [](const py::array& points, const std::optional<py::array>& queries, Size k, Metric metric,
           bool single_precision, int threads) {
            return filled_table(points, queries, k, single_precision, [&](auto references, auto asked, auto table) {
                exact_neighbors(references, asked, metric, table, Threads{threads});
            });
        },
        py::arg("points").noconvert(), py::arg("queries").noconvert(), py::arg("k"), py::arg("metric"),
        py::arg("single_precision"), py::arg("threads"));
    m.def(
        "approximate_neighbors",
        [](const py::array& points, const std::optional<py::array>& queries, Size k, Metric metric, std::uint64_t seed,
           bool single_precision, int threads) {
            ApproximateOptions options;
            options.seed = seed;
            return filled_table(points, queries, k, single_precision, [&](auto references, auto asked, auto table) {
                approximate_neighbors(references, asked, metric, options, table, Threads{threads});
            });
        },
        py::arg("points").noconvert(), py::arg("queries").noconvert(), py::arg("k"), py::arg("metric"), py::arg("seed"),
        py::arg("single_precision"), py::arg("threads"));
    m.def(
        "fuzzy_union",
        [](const Array<std::int32_t>& indices, const Array<float>& distances, double n_neighbors,
           double local_connectivity, double mix_ratio, int threads) {
            const FuzzyUnionOptions options{n_neighbors, local_connectivity, mix_ratio};
            const auto to = matrix(indices);
            const auto apart = matrix(distances);
            return as_tuple(run([&] { return fuzzy_union(to, apart, options, Threads{threads}); }));
        },
        py::arg("indices").noconvert(), py::arg("distances").noconvert(), py::arg("n_neighbors"),
        py::arg("local_connectivity"), py::arg("mix_ratio"), py::arg("threads"));
    m.def(
        "memberships",
        [](const Array<float>& distances, double n_neighbors, double local_connectivity, int threads) {
            const FuzzyUnionOptions options{n_neighbors, local_connectivity, 1.0};
            const auto apart = matrix(distances);
            auto weights = new_matrix<float>(apart.n_rows(), apart.n_cols());
            const auto out = mutable_matrix(weights);
            run([&] { memberships(apart, options, out, Threads{threads}); });
            return weights;
        },
        py::arg("distances").noconvert(), py::arg("n_neighbors"), py::arg("local_connectivity"), py::arg("threads"));
    m.def(
        "gauss_graph",
        [](const Array<std::int32_t>& indices, const py::array& distances, int threads) {
            const auto to = matrix(indices);
            return visit_real(distances, [&]<class T>(DenseView<const T> apart) -> py::tuple {
                return as_tuple(run([&] { return gauss_graph(to, apart, Threads{threads}); }));
            });
        },
        py::arg("indices").noconvert(), py::arg("distances").noconvert(), py::arg("threads"));
    m.def(
        "gauss_dense",
        [](const py::array& distances, Size n_neighbors, int threads) {
            return visit_real(distances, [&]<class T>(DenseView<const T> apart) -> py::array {
                auto weights = new_matrix<T>(apart.n_rows(), apart.n_cols());
                const auto out = mutable_matrix(weights);
                run([&] { gauss_dense(apart, n_neighbors, out, Threads{threads}); });
                return weights;
            });
        },
        py::arg("distances").noconvert(), py::arg("n_neighbors"), py::arg("threads"));
    m.def(
        "jaccard_graph",
        [](const Array<std::int32_t>& indices, int threads) {
            const auto to = matrix(indices);
            return as_tuple(run([&] { return jaccard_graph(to, Threads{threads}); }));
        },
        py::arg("indices").noconvert(), py::arg("threads"));
}

}  // namespace cellweave::bindings
