#pragma once
#include <vector>

#include "core/types.hpp"

namespace cellweave {

/// A discrete Fourier transform of complex sequences of one length, eight sequences at a time: element k of all eight
/// lies together, so that every step of the transform is a SIMD instruction or two.
///
/// Self-sorting mixed radix (Stockham; Temperton 1983) with factors 2, 3, 4 and 5. Single precision. (Eigen's own FFT
/// handles one sequence at a time and is several times slower: the speed asked of t-SNE forced this one.)
class Fft {
public:
    static constexpr Size lanes = 8;

    /// @param length  a product of powers of 2, 3 and 5; at least 1.
    explicit Fft(Size length);

    Size length() const { return length_; }
    /// The smallest even length of that form that is at least `least`.
    static Size good_length(Size least);

    /// Transforms in place, without scaling; the inverse is the same call with `re` and `im` exchanged.
    ///
    /// @param re, im        length x lanes values, 32-byte aligned.
    /// @param work_re, work_im  scratch of the same size and alignment.
    void transform(float* re, float* im, float* work_re, float* work_im) const;

private:
    struct Stage {
        Size radix;
        Size n_groups;  // length of the sub-sequences, divided by the radix
        Size stride;    // number of sub-sequences
        std::vector<float> cosines;
        std::vector<float> sines;
    };

    Size length_;
    std::vector<Stage> stages_;
};

}  // namespace cellweave
