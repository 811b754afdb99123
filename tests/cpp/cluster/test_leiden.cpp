#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "check.hpp"
#include "cluster/graphs.hpp"
#include "cluster/leiden.hpp"
#include "cluster/partition.hpp"
#include "core/error.hpp"

using namespace cellweave;

namespace {

constexpr Threads two{2};

Size n_distinct(const std::vector<Vertex>& communities) {
    return static_cast<Size>(std::set<Vertex>(communities.begin(), communities.end()).size());
}

/// Whether the communities are the blocks of `size` consecutive vertices.
bool are_blocks(const std::vector<Vertex>& communities, std::size_t size) {
    for (std::size_t v = 0; v < communities.size(); ++v) {
        if (communities[v] != communities[v - v % size]) return false;
    }
    return n_distinct(communities) * static_cast<Size>(size) == static_cast<Size>(communities.size());
}

bool is_connected(const AffinityGraph& graph, const std::vector<Vertex>& communities) {
    std::vector<Vertex> parts = communities;
    graph.visit([&](const auto& view) { split_into_connected(view, parts); });
    return n_distinct(parts) == n_distinct(communities);
}

}  // namespace

TEST("leiden and louvain find planted blocks at any thread count") {
    const auto adjacency = graphs::planted(8, 60, 0.3, 0.01, 1);
    const AffinityGraph graph(adjacency.view(), true, two);
    for (const auto method : {leiden, louvain}) {
        const auto one = method(graph, {}, {}, Threads{1});
        CHECK(are_blocks(one, 60));
        for (const int threads : {2, 3, 8}) CHECK(method(graph, {}, {}, Threads{threads}) == one);
    }
}

TEST("a graph large enough to be shared among threads gives the same communities at any thread count") {
    const auto adjacency = graphs::large(270000, 2, 1);
    const AffinityGraph graph(adjacency.view(), true, two);
    CHECK(graph.is_symmetric());
    CommunityOptions options;
    options.n_iterations = 1;
    const auto one = leiden(graph, {}, options, Threads{1});
    CHECK(n_distinct(one) < 50000);
    for (const int threads : {2, 3}) CHECK(leiden(graph, {}, options, Threads{threads}) == one);
}

TEST("every quality finds the cliques of a ring, directed or not") {
    const auto adjacency = graphs::ring_of_cliques(6, 5);
    const AffinityGraph graph(adjacency.view(), true, two);
    for (const bool directed : {false, true}) {
        CommunityOptions options;
        options.directed = directed;
        options.n_iterations = -1;
        CHECK(are_blocks(leiden(graph, {}, options, two), 5));
        options.quality = CommunityQuality::constant_potts;
        options.resolution = 0.5;
        CHECK(are_blocks(leiden(graph, {}, options, two), 5));
        options.quality = CommunityQuality::density_potts;
        options.resolution = 1.0;
        CHECK(are_blocks(leiden(graph, {}, options, two), 5));
    }
}

TEST("an asymmetric adjacency counts as (A + A') / 2") {
    auto full = graphs::planted(4, 40, 0.3, 0.02, 2);
    graphs::Adjacency upper;
    upper.n = full.n;
    for (Size row = 0; row < full.n; ++row) {
        const auto line = full.view().row(row);
        for (std::size_t k = 0; k < line.indices.size(); ++k) {
            if (line.indices[k] < row) continue;
            upper.indices.push_back(line.indices[k]);
            upper.data.push_back(line.values[k]);
        }
        upper.indptr.push_back(static_cast<std::int32_t>(upper.indices.size()));
    }
    const AffinityGraph symmetric(full.view(), true, two);
    const AffinityGraph one_sided(upper.view(), true, two);
    CHECK(symmetric.is_symmetric() && !one_sided.is_symmetric());
    CHECK_NEAR(one_sided.total_weight(), symmetric.total_weight() / 2, 1e-9);
    CHECK(leiden(one_sided, {}, {}, two) == leiden(symmetric, {}, {}, two));
    CommunityOptions options;
    options.directed = true;
    CHECK(are_blocks(leiden(one_sided, {}, options, two), 40));
}

TEST("every community is connected, from whatever start") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        const auto adjacency = graphs::planted(12, 12, 0.25, 0.02, seed);
        const AffinityGraph graph(adjacency.view(), true, two);
        std::vector<Vertex> start(static_cast<std::size_t>(adjacency.n));
        for (std::size_t v = 0; v < start.size(); ++v) start[v] = static_cast<Vertex>(v % 3);
        for (const double resolution : {0.01, 0.3, 1.0, 3.0}) {
            CommunityOptions options;
            options.resolution = resolution;
            options.n_iterations = 1;
            options.seed = seed;
            CHECK(is_connected(graph, leiden(graph, {}, options, two)));
            CHECK(is_connected(graph, leiden(graph, start, options, two)));
        }
    }
}

TEST("going on from a partition never lowers its quality") {
    const auto adjacency = graphs::planted(20, 20, 0.2, 0.02, 5);
    const AffinityGraph graph(adjacency.view(), true, two);
    CommunityOptions options;
    options.n_iterations = 1;
    auto communities = leiden(graph, {}, options, two);
    double before = modularity(graph, communities, n_distinct(communities), 1.0, false, two);
    for (int iteration = 0; iteration < 5; ++iteration) {
        communities = leiden(graph, communities, options, two);
        const double quality = modularity(graph, communities, n_distinct(communities), 1.0, false, two);
        CHECK(quality >= before - 1e-12);
        before = quality;
    }
}

TEST("graphs without edges, isolated cells and self-loops") {
    const graphs::Adjacency nothing{3, {0, 0, 0, 0}, {}, {}};
    const AffinityGraph empty(nothing.view(), true, two);
    CHECK((leiden(empty, {}, {}, two) == std::vector<Vertex>{0, 1, 2}));
    CHECK(std::isnan(modularity(empty, std::vector<Vertex>{0, 1, 2}, 3, 1.0, false, two)));

    const graphs::Adjacency none;
    CHECK(leiden(AffinityGraph(none.view(), true, two), {}, {}, two).empty());

    const auto loops = graphs::from_dense({{2, 0, 0, 0}, {0, 1, 1, 0}, {0, 1, 0, 0}, {0, 0, 0, 0}});
    const AffinityGraph graph(loops.view(), true, two);
    CHECK(graph.is_symmetric());
    CHECK((leiden(graph, {}, {}, two) == std::vector<Vertex>{1, 0, 0, 2}));
}

TEST("communities are numbered by falling size, ties by lowest member") {
    std::vector<Vertex> communities{5, 2, 2, 0, 5, 2, 6};
    CHECK(number_by_size(communities) == 4);
    CHECK((communities == std::vector<Vertex>{1, 0, 0, 2, 1, 0, 3}));
}

TEST("modularity of two joined triangles") {
    const auto adjacency = graphs::from_dense({{0, 1, 1, 0, 0, 0},
                                               {1, 0, 1, 0, 0, 0},
                                               {1, 1, 0, 1, 0, 0},
                                               {0, 0, 1, 0, 1, 1},
                                               {0, 0, 0, 1, 0, 1},
                                               {0, 0, 0, 1, 1, 0}});
    const AffinityGraph graph(adjacency.view(), true, two);
    const std::vector<Vertex> halves{0, 0, 0, 1, 1, 1};
    CHECK_NEAR(modularity(graph, halves, 2, 1.0, false, two), 12.0 / 14.0 - 0.5, 1e-15);
    CHECK_NEAR(modularity(graph, halves, 2, 1.0, true, two), 12.0 / 14.0 - 0.5, 1e-15);
    CHECK(leiden(graph, {}, {}, two) == halves);
}

TEST("bad weights, sizes, resolutions and starts are refused") {
    auto adjacency = graphs::ring_of_cliques(3, 3);
    const AffinityGraph graph(adjacency.view(), true, two);
    for (const double resolution : {0.0, -1.0, std::numeric_limits<double>::quiet_NaN()}) {
        CommunityOptions options;
        options.resolution = resolution;
        CHECK_THROWS(InvalidInput, leiden(graph, {}, options, two));
    }
    CHECK_THROWS(InvalidInput, leiden(graph, std::vector<Vertex>{0, 1}, {}, two));
    CHECK_THROWS(InvalidInput, leiden(graph, std::vector<Vertex>(9, 9), {}, two));
    for (const float bad : {-1.0F, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
        adjacency.data[3] = bad;
        CHECK_THROWS(InvalidInput, AffinityGraph(adjacency.view(), true, two));
    }
    const CsrView<const float, std::int32_t> oblong(adjacency.data.data(), adjacency.indices.data(),
                                                    adjacency.indptr.data(), 8, 9);
    CHECK_THROWS(InvalidInput, AffinityGraph(oblong, true, two));
}
