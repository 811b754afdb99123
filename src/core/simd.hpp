#pragma once
#include <array>
#include <bit>
#include <cstdint>

#include "core/types.hpp"

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#endif

namespace cellweave {

#if defined(__AVX2__) && defined(__FMA__)

/// One register of floats, for the few loops that a compiler does not keep in registers by itself.
struct Floats {
    static constexpr Size n_lanes = 8;
    __m256 lanes;

    static Floats load(const float* from) { return {_mm256_loadu_ps(from)}; }
    static Floats broadcast(float value) { return {_mm256_set1_ps(value)}; }
    void store(float* to) const { _mm256_storeu_ps(to, lanes); }
};

/// a b + c, rounded once.
inline Floats multiply_add(Floats a, Floats b, Floats c) {
    return {_mm256_fmadd_ps(a.lanes, b.lanes, c.lanes)};
}

#else

/// One register of floats, for the few loops that a compiler does not keep in registers by itself.
struct Floats {
    static constexpr Size n_lanes = 4;
#if defined(__GNUC__)
    typedef float Lanes __attribute__((vector_size(16)));
#else
    struct Lanes {
        float lane[4];
        float& operator[](Size k) { return lane[k]; }
        float operator[](Size k) const { return lane[k]; }
    };
#endif
    Lanes lanes;

    static Floats load(const float* from) {
        return {Lanes{from[0], from[1], from[2], from[3]}};
    }
    static Floats broadcast(float value) {
        return {Lanes{value, value, value, value}};
    }
    void store(float* to) const {
        for (Size k = 0; k < n_lanes; ++k) to[k] = lanes[k];
    }
};

/// a b + c.
inline Floats multiply_add(Floats a, Floats b, Floats c) {
#if defined(__GNUC__)
    return {a.lanes * b.lanes + c.lanes};
#else
    for (Size k = 0; k < Floats::n_lanes; ++k) c.lanes[k] += a.lanes[k] * b.lanes[k];
    return c;
#endif
}

#endif

#if defined(__AVX2__) && defined(__FMA__)

/// The order that brings the lanes of a set, one bit a lane, to the front; what follows them there has no meaning.
inline __m256i order_of_lanes(unsigned set) {
    // For each set, which lane comes first, second, ...: a byte each.
    static constexpr auto orders = [] {
        std::array<std::uint64_t, 256> of_set{};
        for (unsigned some = 0; some < 256; ++some) {
            int place = 0;
            for (unsigned lane = 0; lane < 8; ++lane) {
                if ((some >> lane & 1) != 0) of_set[some] |= static_cast<std::uint64_t>(lane) << (8 * place++);
            }
        }
        return of_set;
    }();
    return _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(static_cast<long long>(orders[set])));
}

#endif

/// Writes those of n scores that are below `threshold`, and their ids, one after another. Returns how many.
///
/// @param kept_scores, kept_ids  room for n of each; they may be the scores and ids themselves.
inline Size keep_below(float threshold, const float* scores, const std::int32_t* ids, Size n, float* kept_scores,
                       std::int32_t* kept_ids) {
    // Without branches: which scores are below is as good as random.
    Size n_kept = 0;
    Size item = 0;
#if defined(__AVX2__) && defined(__FMA__)
    const __m256 limit = _mm256_set1_ps(threshold);
    for (; item + 8 <= n; item += 8) {
        const __m256 eight_scores = _mm256_loadu_ps(scores + item);
        const __m256i eight_ids = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(ids + item));
        const auto set = static_cast<unsigned>(_mm256_movemask_ps(_mm256_cmp_ps(eight_scores, limit, _CMP_LT_OQ)));
        const __m256i order = order_of_lanes(set);
        _mm256_storeu_ps(kept_scores + n_kept, _mm256_permutevar8x32_ps(eight_scores, order));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(kept_ids + n_kept),
                            _mm256_permutevar8x32_epi32(eight_ids, order));
        n_kept += std::popcount(set);
    }
#endif
    for (; item < n; ++item) {
        const float score = scores[item];
        kept_scores[n_kept] = score;
        kept_ids[n_kept] = ids[item];
        n_kept += score < threshold ? 1 : 0;
    }
    return n_kept;
}

/// Writes those of n values that are above `threshold` one after another. Returns how many.
///
/// @param kept  room for n.
inline Size keep_above(std::int32_t threshold, const std::int32_t* values, Size n, std::int32_t* kept) {
    Size n_kept = 0;
    Size item = 0;
#if defined(__AVX2__) && defined(__FMA__)
    const __m256i limit = _mm256_set1_epi32(threshold);
    for (; item + 8 <= n; item += 8) {
        const __m256i eight = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(values + item));
        const auto set =
            static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(eight, limit))));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(kept + n_kept),
                            _mm256_permutevar8x32_epi32(eight, order_of_lanes(set)));
        n_kept += std::popcount(set);
    }
#endif
    for (; item < n; ++item) {
        kept[n_kept] = values[item];
        n_kept += values[item] > threshold ? 1 : 0;
    }
    return n_kept;
}

}  // namespace cellweave
