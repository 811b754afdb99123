#include <algorithm>
#include <utility>
#include <vector>

#include "check.hpp"
#include "core/random.hpp"
#include "core/sort.hpp"

using namespace cellweave;

TEST("few items and many are sorted, equal ones in their order") {
    const Random random(5, 0);
    std::uint64_t draws = 0;
    for (const std::size_t n :
         {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{15}, few, few + 1, 5 * few}) {
        std::vector<std::pair<int, std::size_t>> items;
        for (std::size_t item = 0; item < n; ++item)
            items.emplace_back(static_cast<int>(random.uniform(draws++) * 10), item);
        auto sorted = items;
        std::sort(sorted.begin(), sorted.end());
        sort_few(std::span(items), [](const auto& a, const auto& b) { return a.first < b.first; });
        CHECK(items == sorted);
    }
}
