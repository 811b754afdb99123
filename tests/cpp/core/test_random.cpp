#include <set>

#include "check.hpp"
#include "core/random.hpp"

using namespace cellweave;

TEST("random numbers depend on seed, stream and index alone") {
    const Random a(1, 2);
    const Random b(1, 2);
    CHECK(a.bits(77) == b.bits(77));
    CHECK(Random(1, 3).bits(77) != a.bits(77));
    CHECK(Random(2, 2).bits(77) != a.bits(77));
    CHECK(Random(0, 0).bits(0) != Random(0, 1).bits(0));
}

TEST("uniform numbers have the mean, variance and lag correlation of the law") {
    const Random random(0, 0);
    constexpr int n = 200000;
    double sum = 0, squares = 0, lagged = 0, before = random.uniform(n);
    for (int i = 0; i < n; ++i) {
        const double u = random.uniform(static_cast<std::uint64_t>(i));
        CHECK(u >= 0 && u < 1);
        sum += u;
        squares += u * u;
        lagged += (u - 0.5) * (before - 0.5);
        before = u;
    }
    CHECK_NEAR(sum / n, 0.5, 5 * std::sqrt(1.0 / 12 / n));
    CHECK_NEAR(squares / n, 1.0 / 3, 5 * std::sqrt(4.0 / 45 / n));
    CHECK_NEAR(lagged / n, 0, 5.0 / 12 / std::sqrt(n));
}

TEST("normal numbers have the moments of the law") {
    const Random random(3, 1);
    constexpr int n = 200000;
    double sum = 0, squares = 0, fourth = 0;
    for (int i = 0; i < n; ++i) {
        const double z = random.normal(static_cast<std::uint64_t>(i));
        sum += z;
        squares += z * z;
        fourth += z * z * z * z;
    }
    CHECK_NEAR(sum / n, 0, 5 / std::sqrt(n));
    CHECK_NEAR(squares / n, 1, 5 * std::sqrt(2.0 / n));
    CHECK_NEAR(fourth / n, 3, 5 * std::sqrt(96.0 / n));
}

TEST("whole numbers below n are within n, and all occur") {
    const Random random(5, 0);
    std::set<std::uint32_t> seen;
    for (std::uint64_t i = 0; i < 1000; ++i) seen.insert(random.below(i, 17));
    CHECK(seen.size() == 17);
    CHECK(*seen.rbegin() == 16);
    CHECK(random.below(3, 1) == 0);
}

TEST("no two of 200,000 counters collide") {
    std::set<std::uint64_t> seen;
    for (std::uint64_t stream = 0; stream < 10; ++stream) {
        const Random random(9, stream);
        for (std::uint64_t i = 0; i < 20000; ++i) seen.insert(random.bits(i));
    }
    CHECK(seen.size() == 200000);
}
