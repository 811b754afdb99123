#include <algorithm>
#include <vector>

#include "check.hpp"
#include "core/error.hpp"
#include "core/monitor.hpp"
#include "embed/neighbor_graph.hpp"
#include "embed/spectral.hpp"
#include "embed/umap.hpp"

using namespace cellweave;

namespace {

/// Rings of the given sizes; a ring of 1 is an isolated vertex.
Graph<float> rings(const std::vector<std::int32_t>& sizes) {
    std::vector<std::int64_t> indptr{0};
    std::vector<std::int64_t> indices;
    std::int64_t first = 0;
    for (const std::int32_t size : sizes) {
        for (std::int64_t k = 0; k < size; ++k) {
            if (size > 2) {
                const std::int64_t before = first + (k + size - 1) % size;
                const std::int64_t after = first + (k + 1) % size;
                indices.push_back(std::min(before, after));
                indices.push_back(std::max(before, after));
            }
            indptr.push_back(static_cast<std::int64_t>(indices.size()));
        }
        first += size;
    }
    const std::vector<float> weights(indices.size(), 2.0F);
    const CsrView<const float, std::int64_t> view(weights.data(), indices.data(), indptr.data(), first, first);
    return neighbor_graph(view, 0.01, Threads{2});
}

}  // namespace

TEST("a neighbor graph keeps relative weights and drops the faint edges and the loops") {
    const std::vector<std::int32_t> indptr{0, 3, 5, 7};
    const std::vector<std::int32_t> indices{0, 1, 2, 0, 1, 0, 2};
    const std::vector<double> weights{9, 2, 0.001, 2, 9, 0.001, 9};
    const CsrView<const double, std::int32_t> view(weights.data(), indices.data(), indptr.data(), 3, 3);
    const Graph<float> graph = neighbor_graph(view, 0.01, Threads{1});
    CHECK(graph.neighbors.size() == 2);
    CHECK(graph.neighbors[0] == 1 && graph.neighbors[1] == 0);
    CHECK(graph.weights[0] == 1.0F);
}

TEST("a directed edge becomes half an edge each way") {
    const std::vector<std::int32_t> indptr{0, 2, 3, 3};
    const std::vector<std::int32_t> indices{1, 2, 0};
    const std::vector<float> weights{1, 1, 1};
    const CsrView<const float, std::int32_t> view(weights.data(), indices.data(), indptr.data(), 3, 3);
    const Graph<float> graph = neighbor_graph(view, 0.01, Threads{1});
    CHECK(graph.neighbors.size() == 4);
    CHECK(graph.weights[0] == 1.0F && graph.weights[1] == 0.5F && graph.weights[3] == 0.5F);
    CHECK(graph.neighbors[3] == 0);
}

TEST("components come largest first") {
    const Components parts = connected_components(rings({3, 1, 5, 3}).view());
    CHECK(parts.count() == 4);
    CHECK(parts.size(0) == 5 && parts.size(1) == 3 && parts.size(3) == 1);
    CHECK(parts.members[0] == 4 && parts.members[5] == 0 && parts.members[8] == 9 && parts.members[11] == 3);
}

TEST("the spectral layout of a ring is a circle") {
    for (const std::int32_t size : {100, 400}) {
        const Graph<float> graph = rings({size});
        std::vector<float> values(static_cast<std::size_t>(2 * size));
        const DenseView<float> layout(values.data(), size, 2);
        spectral_layout(graph.view(), {}, layout, Threads{2});
        float least = 1e30F;
        float most = 0;
        for (Size row = 0; row < size; ++row) {
            const float radius = std::hypot(layout(row, 0), layout(row, 1));
            least = std::min(least, radius);
            most = std::max(most, radius);
        }
        CHECK(least > 0.9F * most);
    }
}

TEST("UMAP gives the same bytes at any thread count and dimension") {
    for (const Size n_dims : {1, 2, 3, 5}) {
        const Graph<float> graph = rings({1500, 40, 1, 1});
        const Size n = graph.view().n_vertices();
        std::vector<float> start(static_cast<std::size_t>(n * n_dims));
        spectral_layout(graph.view(), {}, DenseView<float>(start.data(), n, n_dims), Threads{1});
        const auto run = [&](int threads) {
            std::vector<float> values = start;
            const UmapOptions options{.n_epochs = 20};
            optimize_umap(graph.view(), options, DenseView<float>(values.data(), n, n_dims), Threads{threads});
            return values;
        };
        const auto one = run(1);
        CHECK(one != start);
        for (const float value : one) CHECK(std::isfinite(value));
        for (const int threads : {2, 3, 8}) CHECK(run(threads) == one);
    }
}

TEST("UMAP refuses options out of range") {
    const Graph<float> graph = rings({10});
    std::vector<float> values(20);
    const DenseView<float> layout(values.data(), 10, 2);
    CHECK_THROWS(InvalidInput, optimize_umap(graph.view(), {.a = 0}, layout, Threads{1}));
    CHECK_THROWS(InvalidInput, optimize_umap(graph.view(), {.n_epochs = -1}, layout, Threads{1}));
    CHECK_THROWS(InvalidInput, optimize_umap(graph.view(), {}, DenseView<float>(values.data(), 5, 2), Threads{1}));
    values[3] = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS(InvalidInput, optimize_umap(graph.view(), {}, layout, Threads{1}));
}

namespace {
struct Impatient final : Monitor {
    void check_interrupt() override { throw Cancelled(); }
    void report(const std::string&, Size, Size) override {}
};
}  // namespace

TEST("UMAP stops when asked to") {
    const Graph<float> graph = rings({3000});
    std::vector<float> values(6000, 0.5F);
    Impatient impatient;
    Monitor* const before = Monitor::install(&impatient);
    CHECK_THROWS(Cancelled, optimize_umap(graph.view(), {}, DenseView<float>(values.data(), 3000, 2), Threads{2}));
    Monitor::install(before);
}
