#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

#include "check.hpp"
#include "core/large_pages.hpp"
#include "core/untouched.hpp"

using namespace cellweave;

TEST("large pages: memory keeps what is written, wherever it begins and ends") {
    for (const std::size_t n : {std::size_t{3}, (std::size_t{1} << 21) + 5}) {
        std::vector<std::int32_t> expected(n);
        std::iota(expected.begin(), expected.end(), 1);
        std::vector<std::int32_t> memory = expected;
        prefer_large_pages(memory.data() + 1, (n - 2) * sizeof(std::int32_t));
        CHECK(memory == expected);
        UntouchedVector<std::int32_t> untouched(n);
        std::copy(expected.begin(), expected.end(), untouched.begin());
        CHECK(std::equal(untouched.begin(), untouched.end(), expected.begin()));
    }
}
