#include <algorithm>
#include <cmath>
#include <limits>

#include "check.hpp"
#include "core/exponential.hpp"

using namespace cellweave;

namespace {

template <class T>
double worst_relative_error(T from, T to, int n) {
    double worst = 0;
    for (int k = 0; k <= n; ++k) {
        const T x = from + (to - from) * static_cast<T>(k) / static_cast<T>(n);
        const long double truth = std::expm1(static_cast<long double>(x));
        if (truth == 0) continue;
        worst = std::max(worst, static_cast<double>(std::abs(static_cast<long double>(fast_expm1(x)) / truth - 1)));
    }
    return worst;
}

}  // namespace

TEST("expm1: two units in the last place, in both precisions") {
    CHECK(worst_relative_error<float>(0.0F, 88.0F, 100'000) < 2.4e-7);
    CHECK(worst_relative_error<float>(-1.0F, 1.0F, 100'000) < 2.4e-7);
    CHECK(worst_relative_error<double>(0.0, 709.0, 100'000) < 4.5e-16);
    CHECK(worst_relative_error<double>(-1.0, 1.0, 100'000) < 4.5e-16);
}

TEST("expm1: zero, overflow, far below zero, missing") {
    CHECK(fast_expm1(0.0) == 0.0);
    CHECK(fast_expm1(0.0F) == 0.0F);
    CHECK(std::isinf(fast_expm1(1000.0)));
    CHECK(std::isinf(fast_expm1(100.0F)));
    CHECK(fast_expm1(-800.0) == -1.0);
    CHECK(fast_expm1(-100.0F) == -1.0F);
    CHECK(std::isnan(fast_expm1(std::numeric_limits<double>::quiet_NaN())));
    CHECK(std::isnan(fast_expm1(-std::numeric_limits<float>::quiet_NaN())));
}
