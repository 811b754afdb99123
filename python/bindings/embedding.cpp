#include "arrays.hpp"
#include "call.hpp"
#include "embed/affinities.hpp"
#include "embed/diffusion.hpp"
#include "embed/neighbor_graph.hpp"
#include "embed/spectral.hpp"
#include "embed/tsne.hpp"
#include "embed/umap.hpp"
#include "embed/umap_placement.hpp"
#include "module.hpp"

namespace cellweave::bindings {

void bind_embedding(py::module_& m) {
    py::class_<Graph<float>>(m, "Graph", "For spectral_layout, optimize_umap and optimize_tsne.");
    m.def(
        "neighbor_graph",
        [](const CsrArg& connectivities, double min_relative_weight, int threads) {
            return connectivities.visit_real([&](auto view) {
                return run([&] { return neighbor_graph(view, min_relative_weight, Threads{threads}); });
            });
        },
        py::arg("connectivities"), py::arg("min_relative_weight"), py::arg("threads"));
    m.def(
        "spectral_layout",
        [](const Graph<float>& graph, Size n_dims, std::uint64_t seed, int threads) {
            auto layout = new_matrix<float>(graph.view().n_vertices(), n_dims);
            const auto out = mutable_matrix(layout);
            const SpectralOptions options{.seed = seed};
            run([&] { spectral_layout(graph.view(), options, out, Threads{threads}); });
            return layout;
        },
        py::arg("graph"), py::arg("n_dims"), py::arg("seed"), py::arg("threads"));
    m.def(
        "optimize_umap",
        [](const Graph<float>& graph, Array<float> layout, int n_epochs, double a, double b, double alpha, double gamma,
           int negative_sample_rate, std::uint64_t seed, int threads) {
            const UmapOptions options{n_epochs, a, b, alpha, gamma, negative_sample_rate, seed};
            const auto out = mutable_matrix(layout);
            run([&] { optimize_umap(graph.view(), options, out, Threads{threads}); });
        },
        "Moves `layout` in place.", py::arg("graph"), py::arg("layout").noconvert(), py::kw_only(), py::arg("n_epochs"),
        py::arg("a"), py::arg("b"), py::arg("alpha"), py::arg("gamma"), py::arg("negative_sample_rate"),
        py::arg("seed"), py::arg("threads"));
    m.def(
        "place_by_umap",
        [](const Array<std::int32_t>& neighbors, const Array<float>& weights, const Array<float>& reference,
           Array<float> layout, int n_epochs, double a, double b, double alpha, double gamma, int negative_sample_rate,
           std::uint64_t seed, int threads) {
            const UmapOptions options{n_epochs, a, b, alpha, gamma, negative_sample_rate, seed};
            const auto to = matrix(neighbors);
            const auto strengths = matrix(weights);
            const auto finished = matrix(reference);
            const auto out = mutable_matrix(layout);
            run([&] { place_by_umap(to, strengths, finished, options, out, Threads{threads}); });
        },
        "Moves `layout` in place.", py::arg("neighbors").noconvert(), py::arg("weights").noconvert(),
        py::arg("reference").noconvert(), py::arg("layout").noconvert(), py::kw_only(), py::arg("n_epochs"),
        py::arg("a"), py::arg("b"), py::arg("alpha"), py::arg("gamma"), py::arg("negative_sample_rate"),
        py::arg("seed"), py::arg("threads"));
    m.def(
        "diffusion_map",
        [](const CsrArg& weights, Size n_components, std::uint64_t seed, int threads) {
            auto values = new_vector<double>(n_components);
            auto vectors = new_matrix<double>(weights.n_rows(), n_components);
            const auto value = mutable_vector(values);
            const auto out = mutable_matrix(vectors);
            const bool has_converged = weights.visit_real([&](auto view) {
                return run([&] { return diffusion_map(view, seed, value, out, Threads{threads}); });
            });
            return py::make_tuple(values, vectors, has_converged);
        },
        "(eigenvalues, eigenvectors as columns, whether they converged) of the transitions of a symmetric graph.",
        py::arg("weights"), py::arg("n_components"), py::arg("seed"), py::arg("threads"));
    m.def(
        "tsne_affinities",
        [](const Array<std::int32_t>& neighbors, Array<float> distances, double perplexity, int threads) {
            const auto others = matrix(neighbors);
            const auto values = mutable_matrix(distances);
            require(others.n_rows() == values.n_rows() && others.n_cols() == values.n_cols(),
                    "neighbors and distances differ in shape.");
            return run([&] {
                perplexity_affinities(values, perplexity, Threads{threads});
                return joint_affinities(others, values, Threads{threads});
            });
        },
        "Overwrites `distances`.", py::arg("neighbors").noconvert(), py::arg("distances").noconvert(),
        py::arg("perplexity"), py::arg("threads"));
    m.def(
        "optimize_tsne",
        [](const Graph<float>& affinities, Array<float> layout, int n_iterations, int n_exaggerated,
           double exaggeration, double learning_rate, int threads) {
            const TsneOptions options{.n_iterations = n_iterations,
                                      .n_exaggerated = n_exaggerated,
                                      .exaggeration = exaggeration,
                                      .learning_rate = learning_rate};
            const auto out = mutable_matrix(layout);
            return run([&] { return optimize_tsne(affinities.view(), options, out, Threads{threads}); });
        },
        "Moves `layout` in place; returns the Kullback-Leibler divergence.", py::arg("affinities"),
        py::arg("layout").noconvert(), py::kw_only(), py::arg("n_iterations"), py::arg("n_exaggerated"),
        py::arg("exaggeration"), py::arg("learning_rate"), py::arg("threads"));
}

}  // namespace cellweave::bindings
