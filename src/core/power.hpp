#pragma once
#include <bit>
#include <cstdint>

namespace cellweave {

/// The smaller of x and a bound above 0. Compared as integers, whose order is that of floats of one sign: compilers
/// make no SIMD code of a choice between floats that may be NaN. NaN gives the bound, or stays NaN.
inline float at_most(float x, float positive_bound) {
    const auto bits = std::bit_cast<std::int32_t>(x);
    const auto bound = std::bit_cast<std::int32_t>(positive_bound);
    return std::bit_cast<float>(bits < bound ? bits : bound);
}

/// x, or what lies nearest to it from -bound to bound.
inline float within(float x, float bound) {
    return -at_most(-at_most(x, bound), bound);
}

/// x^exponent for normal x > 0, without a branch, so that a loop over it becomes SIMD code: for forces and kernels, not
/// for results that somebody compares.
///
/// Relative error: below 2e-6 + 3e-6 |exponent| + 1e-7 |log2(result)|. Results beyond 2^-100 ... 2^100 stay there.
/// log2 and exp2 are minimax polynomials, fitted over [sqrt(1/2), sqrt(2)] and [-1/2, 1/2] by Lawson's iteration.
inline float rough_power(float x, float exponent) {
    constexpr auto root_half = std::bit_cast<std::int32_t>(0.707106781F);
    constexpr float to_integer = 0x1.8p23F;
    const auto bits = std::bit_cast<std::int32_t>(x);
    // x = 2^k (1 + f), 1 + f around 1
    const std::int32_t k = (bits - root_half) >> 23;
    const float f = std::bit_cast<float>(bits - (k << 23)) - 1.0F;
    float series = -0.2065916359424591F;
    series = series * f + 0.3221547603607178F;
    series = series * f - 0.3674899935722351F;
    series = series * f + 0.4793480336666107F;
    series = series * f - 0.7211318612098694F;
    series = series * f + 1.4427134990692139F;
    const float wanted = exponent * (static_cast<float>(k) + f * series);

    const float bounded = within(wanted, 100.0F);
    const float shifted = bounded + to_integer;
    const float r = bounded - (shifted - to_integer);
    float power = 0.009570101276040077F;
    power = power * r + 0.05591785907745361F;
    power = power * r + 0.240247443318367F;
    power = power * r + 0.6931217908859253F;
    power = power * r + 0.9999992847442627F;
    // Adds the whole part to the exponent field.
    const std::int32_t whole = std::bit_cast<std::int32_t>(shifted) - std::bit_cast<std::int32_t>(to_integer);
    return std::bit_cast<float>(std::bit_cast<std::int32_t>(power) + (whole << 23));
}

}  // namespace cellweave
