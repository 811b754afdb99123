#include "embed/fft.hpp"

#include <Eigen/Core>
#include <array>
#include <cassert>
#include <cmath>
#include <numbers>

namespace cellweave {

namespace {

using Lanes = Eigen::Array<float, Fft::lanes, 1>;
using Reader = Eigen::Map<const Lanes, Eigen::Aligned32>;
using Writer = Eigen::Map<Lanes, Eigen::Aligned32>;

struct Complex {
    Lanes re;
    Lanes im;

    Complex operator+(const Complex& other) const { return {re + other.re, im + other.im}; }
    Complex operator-(const Complex& other) const { return {re - other.re, im - other.im}; }
    Complex operator*(float factor) const { return {re * factor, im * factor}; }
    /// Times -i.
    Complex turned() const { return {im, -re}; }
    Complex times(float cosine, float sine) const { return {re * cosine - im * sine, re * sine + im * cosine}; }
};

/// The transform of `radix` elements.
template <int radix>
inline void butterfly(std::array<Complex, radix>& x) {
    if constexpr (radix == 2) {
        x = {x[0] + x[1], x[0] - x[1]};
    } else if constexpr (radix == 3) {
        constexpr float sine = 0.866025404F;
        const Complex sum = x[1] + x[2];
        const Complex across = ((x[1] - x[2]) * sine).turned();
        const Complex middle = x[0] - sum * 0.5F;
        x = {x[0] + sum, middle + across, middle - across};
    } else if constexpr (radix == 4) {
        const Complex even = x[0] + x[2];
        const Complex even_across = x[0] - x[2];
        const Complex odd = x[1] + x[3];
        const Complex odd_across = (x[1] - x[3]).turned();
        x = {even + odd, even_across + odd_across, even - odd, even_across - odd_across};
    } else {
        constexpr float cos1 = 0.309016994F;
        constexpr float cos2 = -0.809016994F;
        constexpr float sin1 = 0.951056516F;
        constexpr float sin2 = 0.587785252F;
        const Complex sum1 = x[1] + x[4];
        const Complex sum2 = x[2] + x[3];
        const Complex gap1 = x[1] - x[4];
        const Complex gap2 = x[2] - x[3];
        const Complex near1 = x[0] + sum1 * cos1 + sum2 * cos2;
        const Complex near2 = x[0] + sum1 * cos2 + sum2 * cos1;
        const Complex far1 = (gap1 * sin1 + gap2 * sin2).turned();
        const Complex far2 = (gap1 * sin2 - gap2 * sin1).turned();
        x = {x[0] + sum1 + sum2, near1 + far1, near2 + far2, near2 - far2, near1 - far1};
    }
}

template <int radix>
void run_stage(Size n_groups, Size stride, const float* cosines, const float* sines, const float* in_re,
               const float* in_im, float* out_re, float* out_im) {
    constexpr Size lanes = Fft::lanes;
    for (Size group = 0; group < n_groups; ++group) {
        for (Size q = 0; q < stride; ++q) {
            std::array<Complex, radix> x;
            for (Size k = 0; k < radix; ++k) {
                const Size at = (q + stride * (group + n_groups * k)) * lanes;
                x[static_cast<std::size_t>(k)] = {Reader(in_re + at), Reader(in_im + at)};
            }
            butterfly<radix>(x);
            for (Size k = 0; k < radix; ++k) {
                const Size at = (q + stride * (radix * group + k)) * lanes;
                const Size turn = group * radix + k;
                const Complex value = x[static_cast<std::size_t>(k)].times(cosines[turn], sines[turn]);
                Writer(out_re + at) = value.re;
                Writer(out_im + at) = value.im;
            }
        }
    }
}

}  // namespace

Fft::Fft(Size length) : length_(length) {
    assert(length >= 1);
    Size rest = length;
    Size stride = 1;
    for (const Size radix : {4, 2, 3, 5}) {
        while (rest % radix == 0) {
            Stage stage{radix, rest / radix, stride, {}, {}};
            for (Size group = 0; group < stage.n_groups; ++group) {
                for (Size k = 0; k < radix; ++k) {
                    const double angle =
                        -2.0 * std::numbers::pi * static_cast<double>(group * k) / static_cast<double>(rest);
                    stage.cosines.push_back(static_cast<float>(std::cos(angle)));
                    stage.sines.push_back(static_cast<float>(std::sin(angle)));
                }
            }
            stages_.push_back(std::move(stage));
            rest /= radix;
            stride *= radix;
        }
    }
    assert(rest == 1);
}

Size Fft::good_length(Size least) {
    for (Size length = least + least % 2;; length += 2) {
        Size rest = length;
        for (const Size factor : {2, 3, 5}) {
            while (rest % factor == 0) rest /= factor;
        }
        if (rest == 1) return length;
    }
}

void Fft::transform(float* re, float* im, float* work_re, float* work_im) const {
    float* const result_re = re;
    float* const result_im = im;
    for (const Stage& stage : stages_) {
        const auto run = [&](auto run_radix) {
            run_radix(stage.n_groups, stage.stride, stage.cosines.data(), stage.sines.data(), re, im, work_re, work_im);
        };
        switch (stage.radix) {
            case 2:
                run(run_stage<2>);
                break;
            case 3:
                run(run_stage<3>);
                break;
            case 4:
                run(run_stage<4>);
                break;
            default:
                run(run_stage<5>);
                break;
        }
        std::swap(re, work_re);
        std::swap(im, work_im);
    }
    if (re == result_re) return;
    std::copy_n(re, length_ * lanes, result_re);
    std::copy_n(im, length_ * lanes, result_im);
}

}  // namespace cellweave
