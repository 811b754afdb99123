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
