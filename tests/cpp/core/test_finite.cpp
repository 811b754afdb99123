#include <limits>
#include <vector>

#include "check.hpp"
#include "core/finite.hpp"

using namespace cellweave;

TEST("all_finite finds one NaN or infinity anywhere") {
    std::vector<float> values(3 << 20, 1e30f);
    const auto all = [&] { return all_finite(std::span<const float>(values), Threads{2}); };
    CHECK(all());
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                            -std::numeric_limits<float>::infinity()}) {
        for (const std::size_t at : {std::size_t{0}, values.size() / 2, values.size() - 1}) {
            const float before = std::exchange(values[at], bad);
            CHECK(!all());
            values[at] = before;
        }
    }
    CHECK(all_finite(std::span<const float>(), Threads{2}));
}

TEST("all_finite looks at the values of a view, not at what lies between its rows") {
    constexpr float nan = std::numeric_limits<float>::quiet_NaN();
    std::vector<float> values{1, 2, nan, 3, 4, nan};
    const DenseView<const float> view(values.data(), 2, 2, 3);
    CHECK(all_finite(view, Threads{2}));
    values[4] = nan;
    CHECK(!all_finite(view, Threads{2}));
    CHECK(all_finite(DenseView<const float>(values.data(), 0, 0), Threads{2}));
}
