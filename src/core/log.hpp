#pragma once
#include <bit>
#include <cmath>
#include <concepts>
#include <numbers>

#include "core/types.hpp"

namespace cellweave {

namespace detail {

template <Real T>
struct FloatBits;

template <>
struct FloatBits<float> {
    using Unsigned = std::uint32_t;
    static constexpr int mantissa = 23;
    static constexpr Unsigned bias = 127;
    static constexpr double ln2_high = 355.0 / 512;  // few bits, so that its multiples by an exponent are exact
    static constexpr int n_terms = 5;                // of the series below: the next one is under 2^-28
    static float exponent_as_float(Unsigned exponent) {
        return static_cast<float>(static_cast<std::int32_t>(exponent));
    }
};

template <>
struct FloatBits<double> {
    using Unsigned = std::uint64_t;
    static constexpr int mantissa = 52;
    static constexpr Unsigned bias = 1023;
    static constexpr double ln2_high = 2977044471.0 / 4294967296.0;
    static constexpr int n_terms = 11;
    // AVX2 converts no 64-bit integers: put the number into the mantissa of 2^52 and take 2^52 away.
    static double exponent_as_float(Unsigned exponent) {
        return std::bit_cast<double>(exponent | 0x4330000000000000ULL) - 0x1.0p52;
    }
};

}  // namespace detail

/// Where log1p_in_range() holds: -0.5 <= x <= 2^60.
template <Real T>
bool is_in_log1p_range(T x) {
    return (x >= T(-0.5)) & (x <= T(0x1.0p60));  // no branch: compilers vectorise it
}

/// log(1 + x) for x in the range above, within 2 units in the last place; straight-line code that compilers vectorise.
///
/// With 1 + x = 2^k (1 + f) and 1 + f around 1: log(1 + x) = k log 2 + 2 atanh(s), s = f / (2 + f), and the series of
/// atanh(s) converges fast, as |s| < 0.172. f = x 2^-k + (2^-k - 1) is rounded once, so small x lose nothing.
template <Real T>
inline T log1p_in_range(T x) {
    using Bits = detail::FloatBits<T>;
    using Unsigned = typename Bits::Unsigned;
    constexpr auto half_bits = std::bit_cast<Unsigned>(static_cast<T>(std::numbers::sqrt2 / 2));
    constexpr T ln2_high = static_cast<T>(Bits::ln2_high);
    constexpr T ln2_low = static_cast<T>(std::numbers::ln2_v<long double> - static_cast<long double>(Bits::ln2_high));
    // One too high, so that it is never negative: the shift and the conversion below then need no sign.
    const Unsigned above_k =
        (std::bit_cast<Unsigned>(T{1} + x) - half_bits + (Unsigned{1} << Bits::mantissa)) >> Bits::mantissa;
    const T k = Bits::exponent_as_float(above_k) - T{1};
    const T two_to_minus_k = std::bit_cast<T>((Bits::bias + 1 - above_k) << Bits::mantissa);
    const T f = x * two_to_minus_k + (two_to_minus_k - T{1});
    const T s = f / (T{2} + f);
    const T s_squared = s * s;
    T series = T{1} / T(2 * Bits::n_terms + 1);
    for (int term = Bits::n_terms - 1; term >= 1; --term) series = series * s_squared + T{1} / T(2 * term + 1);
    // log(1 + f) = f - (f^2 / 2 - s (f^2 / 2 + 2 s^2 series)): the leading term is exact.
    const T half_square = T(0.5) * f * f;
    const T correction = half_square - (s * (half_square + T{2} * s_squared * series) + k * ln2_low);
    return k * ln2_high + (f - correction);
}

}  // namespace cellweave
