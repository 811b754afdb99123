#include "neighbors/byte_products.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#if defined(__SSSE3__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace cellweave::bytes {

namespace {

/// Four bytes of a query as one number.
std::int32_t block_of(const std::uint8_t* query) {
    std::int32_t bytes;
    std::memcpy(&bytes, query, block);
    return bytes;
}

/// Some 32-bit sums, and what adds to each of them the products of four bytes of a query and four of its reference.
struct AnyLanes {
    static constexpr Size n_lanes = 4;
    std::int32_t sums[n_lanes];

    static AnyLanes load(const std::int32_t* from) { return {{from[0], from[1], from[2], from[3]}}; }
    void store(std::int32_t* to) const { std::copy_n(sums, n_lanes, to); }

    void add(const std::uint8_t* query, const std::int8_t* references) {
        for (Size lane = 0; lane < n_lanes; ++lane)
            for (Size k = 0; k < block; ++k) sums[lane] += query[k] * references[lane * block + k];
    }
};

#if defined(__aarch64__)
struct FourLanes {
    static constexpr Size n_lanes = 4;
    int32x4_t sums;

    static FourLanes load(const std::int32_t* from) { return {vld1q_s32(from)}; }
    void store(std::int32_t* to) const { vst1q_s32(to, sums); }

    void add(const std::uint8_t* query, const std::int8_t* references) {
        const int8x16_t a = vreinterpretq_s8_s32(vdupq_n_s32(block_of(query)));
        const int8x16_t b = vld1q_s8(references);
        const int16x8_t pairs =
            vpaddq_s16(vmull_s8(vget_low_s8(a), vget_low_s8(b)), vmull_s8(vget_high_s8(a), vget_high_s8(b)));
        sums = vpadalq_s16(sums, pairs);
    }
};
#endif

#if defined(__SSSE3__)
struct FourLanes {
    static constexpr Size n_lanes = 4;
    __m128i sums;

    static FourLanes load(const std::int32_t* from) {
        return {_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))};
    }
    void store(std::int32_t* to) const { _mm_storeu_si128(reinterpret_cast<__m128i*>(to), sums); }

    void add(const std::uint8_t* query, const std::int8_t* references) {
        const __m128i pairs = _mm_maddubs_epi16(_mm_set1_epi32(block_of(query)),
                                                _mm_loadu_si128(reinterpret_cast<const __m128i*>(references)));
        sums = _mm_add_epi32(sums, _mm_madd_epi16(pairs, _mm_set1_epi16(1)));
    }
};
#endif

#if defined(__AVX2__)
struct EightLanes {
    static constexpr Size n_lanes = 8;
    __m256i sums;

    static EightLanes load(const std::int32_t* from) {
        return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from))};
    }
    void store(std::int32_t* to) const { _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), sums); }

    void add(const std::uint8_t* query, const std::int8_t* references) {
        const __m256i pairs = _mm256_maddubs_epi16(_mm256_set1_epi32(block_of(query)),
                                                   _mm256_loadu_si256(reinterpret_cast<const __m256i*>(references)));
        sums = _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
    }
};
#endif

#if defined(__AVX2__) && defined(__GNUC__)
#define CELLWEAVE_HAS_VNNI
/// One instruction where the processor has it (AVX-512 VNNI), whatever the rest of the engine is compiled for.
struct EightLanesAtOnce : EightLanes {
    static EightLanesAtOnce load(const std::int32_t* from) { return {EightLanes::load(from)}; }

    void add(const std::uint8_t* query, const std::int8_t* references) {
        asm("vpdpbusd %2, %1, %0"
            : "+x"(sums)
            : "x"(_mm256_set1_epi32(block_of(query))),
              "x"(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(references))));
    }
};
#endif

/// By two registers of references and all queries of a group: as many sums that do not wait for each other.
template <class Lanes>
void products_of(const std::int8_t* panels, const std::int32_t* starts, Size n_panels, Size n_blocks,
                 const Group& queries, std::int32_t* products) {
    constexpr Size n = Lanes::n_lanes;
    static_assert(panel_width % (2 * n) == 0);
    const Group of = queries;
    for (Size panel = 0; panel < n_panels; ++panel) {
        for (Size lane = 0; lane < panel_width; lane += 2 * n) {
            const std::int8_t* references = panels + lane * block;
            Lanes low[group_size];
            Lanes high[group_size];
            for (Size q = 0; q < group_size; ++q) {
                low[q] = Lanes::load(starts + lane);
                high[q] = Lanes::load(starts + lane + n);
            }
            for (Size k = 0; k < n_blocks * block; k += block) {
                for (Size q = 0; q < group_size; ++q) {
                    low[q].add(of[static_cast<std::size_t>(q)] + k, references);
                    high[q].add(of[static_cast<std::size_t>(q)] + k, references + n * block);
                }
                references += panel_width * block;
            }
            for (Size q = 0; q < group_size; ++q) {
                low[q].store(products + q * panel_width + lane);
                high[q].store(products + q * panel_width + lane + n);
            }
        }
        panels += panel_bytes(n_blocks);
        starts += panel_width;
        products += group_size * panel_width;
    }
}

}  // namespace

std::span<const Products> all_products() {
    static const std::vector<Products> found = [] {
        std::vector<Products> fastest_first;
#if defined(CELLWEAVE_HAS_VNNI)
        __builtin_cpu_init();
        if (__builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vl"))
            fastest_first.push_back(products_of<EightLanesAtOnce>);
#endif
#if defined(__AVX2__)
        fastest_first.push_back(products_of<EightLanes>);
#endif
#if defined(__SSSE3__) || defined(__aarch64__)
        fastest_first.push_back(products_of<FourLanes>);
#endif
        fastest_first.push_back(products_of<AnyLanes>);
        return fastest_first;
    }();
    return found;
}

}  // namespace cellweave::bytes
