#pragma once
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

}  // namespace cellweave
