#include <cmath>
#include <vector>

#include "check.hpp"
#include "core/error.hpp"
#include "neighbors/connectivities.hpp"

using namespace cellweave;

namespace {

/// Four cells on a line at 0, 1, 3 and 7, each with its two nearest.
const std::vector<std::int32_t> line_indices{0, 1, 2, 1, 0, 2, 2, 1, 0, 3, 2, 1};
const std::vector<float> line_distances{0, 1, 3, 0, 1, 2, 0, 2, 3, 0, 4, 6};

DenseView<const std::int32_t> indices() {
    return {line_indices.data(), 4, 3};
}
DenseView<const float> distances() {
    return {line_distances.data(), 4, 3};
}

}  // namespace

TEST("memberships of a cell add up to log2 of its neighbours before the union") {
    // With mix_ratio 1 an edge known to one side only keeps that side's weight: those of cell 3.
    const auto graph = fuzzy_union(indices(), distances(), {3, 1, 1}, Threads{2});
    CHECK(graph.offsets[4] - graph.offsets[3] == 2);
    double sum = 0;
    for (auto e = graph.offsets[3]; e < graph.offsets[4]; ++e)
        sum += static_cast<double>(graph.weights[static_cast<std::size_t>(e)]);
    CHECK_NEAR(sum, std::log2(3.0), 1e-4);
    CHECK_NEAR(graph.weights.back(), 1.0, 1e-6);  // the nearest neighbour of cell 3 is cell 2
}

TEST("a graph is symmetric with rising columns") {
    const auto graph = fuzzy_union(indices(), distances(), {3, 1, 0.5}, Threads{1});
    const auto weight = [&](Size i, Size j) {
        for (auto e = graph.offsets[i]; e < graph.offsets[i + 1]; ++e) {
            if (graph.neighbors[static_cast<std::size_t>(e)] == j) return graph.weights[static_cast<std::size_t>(e)];
        }
        return 0.0F;
    };
    for (Size i = 0; i < 4; ++i) {
        for (auto e = graph.offsets[i] + 1; e < graph.offsets[i + 1]; ++e) {
            CHECK(graph.neighbors[static_cast<std::size_t>(e)] > graph.neighbors[static_cast<std::size_t>(e) - 1]);
        }
        for (Size j = 0; j < 4; ++j) CHECK(weight(i, j) == weight(j, i));
    }
}

TEST("cells without any distance get weights of one, and a missing neighbour none") {
    const std::vector<std::int32_t> to{0, 1, 1, 0, 2, -1};
    const std::vector<float> apart(6, 0.0F);
    const auto graph = fuzzy_union({to.data(), 3, 2}, {apart.data(), 3, 2}, {2, 1, 1}, Threads{1});
    CHECK(graph.weights == UntouchedVector<float>({1, 1}));
    CHECK(graph.offsets == std::vector<std::int64_t>({0, 1, 2, 2}));
}

TEST("an index that names no cell is refused") {
    const std::vector<std::int32_t> to{0, 5};
    const std::vector<float> apart{0, 1};
    CHECK_THROWS(InvalidInput, fuzzy_union({to.data(), 1, 2}, {apart.data(), 1, 2}, {}, Threads{1}));
    CHECK_THROWS(InvalidInput, gauss_graph<float>({to.data(), 1, 2}, {apart.data(), 1, 2}, Threads{1}));
    CHECK_THROWS(InvalidInput, jaccard_graph({to.data(), 1, 2}, Threads{1}));
}

TEST("gaussian weights of duplicates are one, not NaN") {
    const std::vector<std::int32_t> to{1, 0};
    const std::vector<double> apart{0, 0};
    const auto graph = gauss_graph<double>({to.data(), 2, 1}, {apart.data(), 2, 1}, Threads{1});
    CHECK(graph.weights == UntouchedVector<double>({1, 1}));
}
