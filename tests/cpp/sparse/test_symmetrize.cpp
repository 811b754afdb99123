#include <algorithm>
#include <vector>

#include "check.hpp"
#include "core/random.hpp"
#include "sparse/symmetrize.hpp"

using namespace cellweave;

namespace {

constexpr Size n = 9000;  // of which parallel loops make three chunks

/// Up to eight edges a vertex, by rising neighbour, some of them twice or to itself.
Graph<float> random_graph() {
    const Random random(3, 0);
    Graph<float> graph;
    for (std::uint64_t vertex = 0; vertex < n; ++vertex) {
        std::vector<Vertex> row(random.below(vertex, 9));
        for (std::size_t k = 0; k < row.size(); ++k) {
            row[k] = static_cast<Vertex>(random.below(n + 8 * vertex + k, k == 0 ? 20 : static_cast<std::uint32_t>(n)));
        }
        std::sort(row.begin(), row.end());
        for (const Vertex to : row) {
            graph.neighbors.push_back(to);
            graph.weights.push_back(static_cast<float>(1 + graph.neighbors.size() % 7));
        }
        graph.offsets.push_back(static_cast<Size>(graph.neighbors.size()));
    }
    return graph;
}

float weight_between(GraphView<float> graph, Size from, Size to) {
    float sum = 0;
    graph.for_each_edge(from, [&](Vertex neighbor, float weight) { sum += neighbor == to ? weight : 0.0F; });
    return sum;
}

}  // namespace

TEST("a reversed graph has every edge the other way round, by rising start") {
    const Graph<float> graph = random_graph();
    const Graph<float> back = reversed(graph.view(), Threads{2});
    CHECK(back.neighbors.size() == graph.neighbors.size());
    for (Size vertex = 0; vertex < n; ++vertex) {
        const auto row = back.view().neighbors(vertex);
        CHECK(std::is_sorted(row.begin(), row.end()));
        for (const Vertex from : row) {
            CHECK(weight_between(back.view(), vertex, from) == weight_between(graph.view(), from, vertex));
        }
    }
    const Graph<float> again = reversed(back.view(), Threads{1});
    CHECK(again.offsets == graph.offsets && again.neighbors == graph.neighbors && again.weights == graph.weights);
}

TEST("the mean of a graph and its reverse is symmetric, and the same at any thread count") {
    const Graph<float> graph = random_graph();
    const Graph<float> mean = mean_with_reversed(graph.view(), Threads{1});
    for (Size vertex = 0; vertex < n; ++vertex) {
        for (const Vertex other : mean.view().neighbors(vertex)) {
            const float there = weight_between(graph.view(), vertex, other);
            const float back = weight_between(graph.view(), other, vertex);
            CHECK(weight_between(mean.view(), vertex, other) == (there + back) / 2);
            CHECK(weight_between(mean.view(), other, vertex) == (there + back) / 2);
        }
        for (const Vertex other : graph.view().neighbors(vertex)) {
            CHECK(weight_between(mean.view(), vertex, other) > 0);
        }
    }
    for (const int threads : {2, 3, 8}) {
        const Graph<float> same = mean_with_reversed(graph.view(), Threads{threads});
        CHECK(same.offsets == mean.offsets && same.neighbors == mean.neighbors && same.weights == mean.weights);
    }
}

TEST("edges that combine to nothing are left out") {
    Graph<double> graph;
    graph.offsets = {0, 2, 3, 3};
    graph.neighbors = {1, 2, 0};
    graph.weights = {0.5, 0.25, 1.0};
    const auto product = [](double one, double other) { return one * other; };
    const Graph<double> both = symmetrized(graph.view(), product, Threads{2});
    CHECK(both.offsets == std::vector<Size>({0, 1, 2, 2}));
    CHECK(both.neighbors == UntouchedVector<Vertex>({1, 0}));
    CHECK(both.weights == UntouchedVector<double>({0.5, 0.5}));
}
