#include <cmath>
#include <cstdint>
#include <vector>

#include "check.hpp"
#include "core/error.hpp"
#include "embed/umap_placement.hpp"

using namespace cellweave;

namespace {

struct Case {
    std::vector<float> reference{0, 0, 10, 0, 0, 10};
    std::vector<std::int32_t> neighbors{1, 2};
    std::vector<float> weights{1, 0.001F};
    std::vector<float> layout{4, 4};
    UmapOptions options{.n_epochs = 100, .alpha = 0.25, .negative_sample_rate = 0};

    void run() {
        place_by_umap(DenseView<const std::int32_t>(neighbors.data(), 1, 2),
                      DenseView<const float>(weights.data(), 1, 2), DenseView<const float>(reference.data(), 3, 2),
                      options, DenseView<float>(layout.data(), 1, 2), Threads{1});
    }
};

}  // namespace

TEST("a new vertex is drawn to its neighbours, those too weak for any epoch left out, and the reference stays") {
    Case placed;
    const auto before = placed.reference;
    placed.run();
    CHECK(std::hypot(placed.layout[0] - 10, placed.layout[1]) < 0.5);
    CHECK(placed.reference == before);
}

TEST("random vertices push a new vertex away") {
    Case near, pushed;
    near.layout = pushed.layout = {0.1F, 0};
    near.neighbors = pushed.neighbors = {0, 0};
    pushed.options.negative_sample_rate = 5;
    near.run();
    pushed.run();
    CHECK(std::hypot(near.layout[0], near.layout[1]) < std::hypot(pushed.layout[0], pushed.layout[1]));
}

TEST("a new vertex on top of its neighbour stays there") {
    Case placed;
    placed.layout = {10, 0};
    placed.run();
    CHECK((placed.layout == std::vector<float>{10, 0}));
}

TEST("neighbours that are not there and options out of range are refused") {
    Case outside;
    outside.neighbors[1] = 3;
    CHECK_THROWS(InvalidInput, outside.run());
    Case negative;
    negative.options.a = -1;
    CHECK_THROWS(InvalidInput, negative.run());
}
