#pragma once
#include <cmath>
#include <cstdint>
#include <numbers>

#include "core/types.hpp"

namespace cellweave {

/// Counter-based random numbers: the value depends on (seed, stream, index) alone, so any thread can draw any number in
/// any order. The mixer is SplitMix64 (Steele, Lea and Flood 2014) applied to the counter and again with the key.
class Random {
public:
    Random(std::uint64_t seed, std::uint64_t stream) : key_(mix(seed + golden) ^ mix(stream * odd + golden)) {}

    /// 64 random bits.
    std::uint64_t bits(std::uint64_t index) const { return mix(mix(index * golden + key_) ^ key_); }
    /// Uniform in [0, 1), 53 random bits.
    double uniform(std::uint64_t index) const { return static_cast<double>(bits(index) >> 11) * 0x1.0p-53; }
    /// Uniform in {0, ..., n - 1}; the bias is below n / 2^32 (multiply-shift, Lemire 2019). n < 2^32.
    std::uint32_t below(std::uint64_t index, std::uint32_t n) const {
        return static_cast<std::uint32_t>(((bits(index) >> 32) * n) >> 32);
    }
    /// Standard normal (Box and Muller 1958); uses the uniforms 2 index and 2 index + 1.
    double normal(std::uint64_t index) const {
        const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform(2 * index)));
        return radius * std::cos(2.0 * std::numbers::pi * uniform(2 * index + 1));
    }

private:
    static constexpr std::uint64_t golden = 0x9e3779b97f4a7c15ULL;
    static constexpr std::uint64_t odd = 0xd1342543de82ef95ULL;

    static constexpr std::uint64_t mix(std::uint64_t z) {
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
        return z ^ (z >> 31);
    }

    std::uint64_t key_;
};

}  // namespace cellweave
