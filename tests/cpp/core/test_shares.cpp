#include <algorithm>
#include <numeric>
#include <thread>
#include <vector>

#include "check.hpp"
#include "core/shares.hpp"

using cellweave::Size;
using cellweave::detail::Shares;

namespace {

std::vector<Size> taken_by(Shares& shares, int thread, int n) {
    std::vector<Size> chunks;
    for (int k = 0; k < n; ++k) {
        const auto chunk = shares.take(thread);
        if (!chunk) break;
        chunks.push_back(*chunk);
    }
    return chunks;
}

}  // namespace

TEST("threads take the chunks of a stretch of their own, rising, then the last ones of others") {
    Shares shares(8, 2);
    CHECK((taken_by(shares, 0, 2) == std::vector<Size>{0, 1}));
    CHECK((taken_by(shares, 1, 5) == std::vector<Size>{4, 5, 6, 7, 3}));
    CHECK((taken_by(shares, 0, 9) == std::vector<Size>{2}));
    CHECK(!shares.take(1));
}

TEST("threads that have one share take the lowest chunk") {
    Shares shares(4, 1);
    CHECK((taken_by(shares, 3, 2) == std::vector<Size>{0, 1}));
    CHECK((taken_by(shares, 0, 1) == std::vector<Size>{2}));
    CHECK((taken_by(shares, 1, 9) == std::vector<Size>{3}));
}

TEST("there may be more shares than chunks, and none at all") {
    Shares few(2, 5);
    auto chunks = taken_by(few, 4, 9);
    std::ranges::sort(chunks);
    CHECK((chunks == std::vector<Size>{0, 1}));
    Shares none(0, 3);
    CHECK(!none.take(2));
}

TEST("every chunk is taken once by threads that take them side by side") {
    constexpr int n_threads = 4;
    Shares shares(20011, n_threads);
    std::vector<std::vector<Size>> taken(n_threads);
    std::vector<std::thread> threads;
    for (int k = 0; k < n_threads; ++k)
        threads.emplace_back([&, k] { taken[static_cast<std::size_t>(k)] = taken_by(shares, k % 2, 20011); });
    for (auto& thread : threads) thread.join();
    std::vector<Size> all;
    for (const auto& chunks : taken) all.insert(all.end(), chunks.begin(), chunks.end());
    std::ranges::sort(all);
    std::vector<Size> expected(20011);
    std::iota(expected.begin(), expected.end(), 0);
    CHECK(all == expected);
}
