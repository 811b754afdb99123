#include <algorithm>
#include <cmath>
#include <limits>

#include "check.hpp"
#include "core/power.hpp"

using namespace cellweave;

TEST("a rough power keeps to its error") {
    for (const float exponent : {-2.0F, 0.5F, 0.8951F, 1.334F, 2.0F}) {
        double worst = 0;
        for (double log10_x = -12; log10_x <= 12; log10_x += 0.001) {
            const auto x = static_cast<float>(std::pow(10.0, log10_x));
            const double truth = std::pow(static_cast<double>(x), static_cast<double>(exponent));
            const double allowed =
                2e-6 + 3e-6 * std::abs(static_cast<double>(exponent)) + 1e-7 * std::abs(std::log2(truth));
            worst = std::max(worst, std::abs(static_cast<double>(rough_power(x, exponent)) / truth - 1) / allowed);
        }
        CHECK(worst < 1);
    }
}

TEST("a rough power neither overflows nor vanishes") {
    for (const float exponent : {-1e6F, 1e6F}) {
        for (const float x : {1e-12F, 1e12F}) {
            const float found = rough_power(x, exponent);
            CHECK(std::isfinite(found) && found > 0);
        }
    }
}

TEST("bounds by integer comparison are those of floats") {
    const float infinity = std::numeric_limits<float>::infinity();
    for (const float x : {-infinity, -5.0F, -4.0F, -1e-30F, 0.0F, 1e-30F, 3.9F, 4.0F, 7.0F, infinity}) {
        CHECK(at_most(x, 4.0F) == std::min(x, 4.0F));
        CHECK(within(x, 4.0F) == std::clamp(x, -4.0F, 4.0F));
    }
}
