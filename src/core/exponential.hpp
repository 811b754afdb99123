#pragma once
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <type_traits>

#include "core/types.hpp"

namespace cellweave {

namespace detail {

/// What expm1 needs to know of a floating-point type: exponent layout, ln 2 in two parts (the first has trailing zeros,
/// so that its product with a small integer is exact) and 1/k! for k = 2, 3, ...
template <class T>
struct ExponentialTraits;

template <>
struct ExponentialTraits<float> {
    using Bits = std::int32_t;
    static constexpr int mantissa_bits = 23;
    static constexpr Bits bias = 127;
    static constexpr float round_to_integer = 0x1.8p23F;
    static constexpr float largest = 89.0F;
    static constexpr float lowest = -87.0F;
    static constexpr float log2_e = 1.44269504F;
    static constexpr float ln2_high = 0.693359375F;
    static constexpr float ln2_low = -2.12194440e-4F;
    static constexpr float factorials[] = {1.0F / 2, 1.0F / 6, 1.0F / 24, 1.0F / 120, 1.0F / 720, 1.0F / 5040};
};

template <>
struct ExponentialTraits<double> {
    using Bits = std::int64_t;
    static constexpr int mantissa_bits = 52;
    static constexpr Bits bias = 1023;
    static constexpr double round_to_integer = 0x1.8p52;
    static constexpr double largest = 710.0;
    static constexpr double lowest = -700.0;
    static constexpr double log2_e = 1.4426950408889634;
    static constexpr double ln2_high = 0x1.62e42feep-1;
    static constexpr double ln2_low = 1.9082149292705877e-10;
    static constexpr double factorials[] = {1.0 / 2,       1.0 / 6,        1.0 / 24,        1.0 / 120,
                                            1.0 / 720,     1.0 / 5040,     1.0 / 40320,     1.0 / 362880,
                                            1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800};
};

/// x = n ln 2 + r with |r| <= ln 2 / 2, x clamped to the range of finite results: q = e^r - 1 by its Taylor series, and
/// 2^(n - 1), because 2^n itself may overflow.
template <Real T>
struct ReducedExponential {
    T q;
    T half_scale;

    explicit ReducedExponential(T x) {
        using Traits = ExponentialTraits<T>;
        // Clamped as integers, whose order is that of floats of the same sign: gcc vectorises no choice between floats
        // here.
        using Bits = typename Traits::Bits;
        using Unsigned = std::make_unsigned_t<Bits>;
        constexpr Bits upper = std::bit_cast<Bits>(Traits::largest);
        constexpr auto lower = std::bit_cast<Unsigned>(Traits::lowest);
        const auto bits = std::bit_cast<Bits>(x);
        const auto from_above = static_cast<Unsigned>(bits < upper ? bits : upper);
        const T bounded = std::bit_cast<T>(from_above < lower ? from_above : lower);
        const T shifted = bounded * Traits::log2_e + Traits::round_to_integer;
        const T n = shifted - Traits::round_to_integer;
        const T r = (bounded - n * Traits::ln2_high) - n * Traits::ln2_low;
        constexpr int n_terms = static_cast<int>(std::size(Traits::factorials));
        T series = Traits::factorials[n_terms - 1];
        for (int k = n_terms - 2; k >= 0; --k) series = series * r + Traits::factorials[k];
        q = r + r * r * series;
        const auto exponent = std::bit_cast<Bits>(shifted) - std::bit_cast<Bits>(Traits::round_to_integer);
        half_scale = std::bit_cast<T>((exponent - 1 + Traits::bias) << Traits::mantissa_bits);
    }
};

}  // namespace detail

/// e^x - 1 within 2 units in the last place, without a branch, so that a loop over it becomes SIMD code. Overflows to
/// infinity as std::expm1 does; NaN and infinities give NaN.
template <Real T>
inline T fast_expm1(T x) {
    const detail::ReducedExponential<T> reduced(x);
    const T result = (reduced.half_scale * reduced.q + (reduced.half_scale - T(0.5))) * T(2);
    return result + (x - x);
}

/// e^x within 2 units in the last place, as fast_expm1(). Not below e^-87 (float) or e^-700 (double).
template <Real T>
inline T fast_exp(T x) {
    const detail::ReducedExponential<T> reduced(x);
    return (reduced.half_scale * reduced.q + reduced.half_scale) * T(2) + (x - x);
}

}  // namespace cellweave
