#include <memory>

#include "arrays.hpp"
#include "call.hpp"
#include "cluster/leiden.hpp"
#include "cluster/quality.hpp"
#include "module.hpp"

namespace cellweave::bindings {

namespace {

CommunityQuality quality_of(const std::string& name) {
    if (name == "modularity") return CommunityQuality::modularity;
    if (name == "cpm") return CommunityQuality::constant_potts;
    if (name == "density") return CommunityQuality::density_potts;
    throw InvalidInput("objective must be 'modularity', 'cpm' or 'density', found '" + name + "'.");
}

/// leiden() and louvain() differ in name alone.
template <class Cluster>
void bind_clustering(py::module_& m, const char* name, Cluster cluster) {
    m.def(
        name,
        [cluster](const AffinityGraph& graph, const Array<Vertex>& start, const std::string& objective,
                  double resolution, bool directed, int n_iterations, double randomness, std::uint64_t seed,
                  int threads) {
            const CommunityOptions options{quality_of(objective), resolution, directed, n_iterations, randomness,
                                           std::nullopt,          seed};
            const auto from = vector(start);
            return as_array(run([&] { return cluster(graph, from, options, Threads{threads}); }));
        },
        py::arg("graph"), py::arg("start").noconvert(), py::kw_only(), py::arg("objective"), py::arg("resolution"),
        py::arg("directed"), py::arg("n_iterations"), py::arg("randomness"), py::arg("seed"), py::arg("threads"));
}

}  // namespace

void bind_cluster(py::module_& m) {
    py::class_<AffinityGraph>(m, "AffinityGraph")
        .def(py::init([](const CsrArg& adjacency, bool use_weights, int threads) {
                 return adjacency.visit_real([&](auto view) {
                     return run([&] { return std::make_unique<AffinityGraph>(view, use_weights, Threads{threads}); });
                 });
             }),
             py::arg("adjacency"), py::arg("use_weights"), py::arg("threads"), py::keep_alive<1, 2>());
    bind_clustering(m, "leiden", leiden);
    bind_clustering(m, "louvain", louvain);
    m.def(
        "modularity",
        [](const AffinityGraph& graph, const Array<Vertex>& communities, Size n_communities, double resolution,
           bool directed, int threads) {
            const auto numbers = vector(communities);
            return run(
                [&] { return modularity(graph, numbers, n_communities, resolution, directed, Threads{threads}); });
        },
        py::arg("graph"), py::arg("communities").noconvert(), py::arg("n_communities"), py::arg("resolution"),
        py::arg("directed"), py::arg("threads"));
}

}  // namespace cellweave::bindings
