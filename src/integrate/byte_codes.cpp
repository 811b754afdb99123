#include "integrate/byte_codes.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace cellweave {

namespace {

constexpr Size bytes_an_instruction = 32;
constexpr Size full_byte = 255;

struct Interval {
    double low = 0.0;
    double high = 0.0;
    double width() const { return high - low; }
};

std::vector<Interval> coordinate_ranges(DenseView<const double> points, Threads threads) {
    constexpr Size sample_size = 4096;
    constexpr double outermost = 1e-3;
    const Size n_sampled = std::min(points.n_rows(), sample_size);
    std::vector<Interval> ranges(static_cast<std::size_t>(points.n_cols()));
    parallel_for(points.n_cols(), Grain{4}, threads, [&](Range columns) {
        std::vector<double> sample(static_cast<std::size_t>(n_sampled));
        const auto rank = static_cast<std::ptrdiff_t>(outermost * static_cast<double>(n_sampled));
        for (const Size column : columns) {
            for (Size k = 0; k < n_sampled; ++k)
                sample[static_cast<std::size_t>(k)] = points(k * points.n_rows() / n_sampled, column);
            std::nth_element(sample.begin(), sample.begin() + rank, sample.end());
            const double low = sample[static_cast<std::size_t>(rank)];
            std::nth_element(sample.begin(), sample.end() - 1 - rank, sample.end());
            ranges[static_cast<std::size_t>(column)] = {low, *(sample.end() - 1 - rank)};
        }
    });
    return ranges;
}

/// How one coordinate is rounded: to levels 0 to n_levels, a step apart, of which a byte holds 255.
struct Levels {
    Size n_levels;
    Size n_bytes;

    Levels(const Interval& range, double step)
        : n_levels(static_cast<Size>(std::nearbyint(range.width() / step))),
          n_bytes(std::max<Size>(1, (n_levels + full_byte - 1) / full_byte)) {}
};

/// Do codes of this step fit into `n_bytes`, and their distances into 16 bits?
bool fits(const std::vector<Interval>& ranges, double step, Size n_bytes) {
    Size bytes = 0;
    Size largest_distance = 0;
    for (const Interval& range : ranges) {
        const Levels levels(range, step);
        bytes += levels.n_bytes;
        largest_distance += levels.n_levels;
    }
    return bytes <= n_bytes && largest_distance <= std::numeric_limits<std::uint16_t>::max();
}

/// The smallest step (to 1 %) that fits.
double smallest_step(const std::vector<Interval>& ranges, Size n_bytes) {
    double sum_of_widths = 0.0;
    for (const Interval& range : ranges) sum_of_widths += range.width();
    if (sum_of_widths == 0.0) return 1.0;
    double fitting = sum_of_widths;
    double too_small = sum_of_widths / static_cast<double>(full_byte * n_bytes) / 2.0;
    while (fitting > 1.01 * too_small) {
        const double middle = std::sqrt(fitting * too_small);
        (fits(ranges, middle, n_bytes) ? fitting : too_small) = middle;
    }
    return fitting;
}

/// Writes one coordinate to its bytes and returns the rounding error.
double encode(double value, const Interval& range, double step, const Levels& levels, std::uint8_t* bytes) {
    const double level =
        std::clamp(std::nearbyint((value - range.low) / step), 0.0, static_cast<double>(levels.n_levels));
    auto rest = static_cast<Size>(level);
    for (Size k = 0; k < levels.n_bytes; ++k) {
        bytes[k] = static_cast<std::uint8_t>(std::min(rest, full_byte));
        rest -= bytes[k];
    }
    return std::abs(value - (range.low + level * step));
}

std::uint16_t distance_of(const std::uint8_t* point, const std::uint8_t* other, Size n_bytes) {
    std::uint32_t sum = 0;
    for (Size k = 0; k < n_bytes; ++k)
        sum += static_cast<std::uint32_t>(std::abs(static_cast<int>(point[k]) - static_cast<int>(other[k])));
    return static_cast<std::uint16_t>(sum);
}

#if defined(__AVX2__)
/// Four distances at once. Compilers find the instruction for sums of absolute differences by themselves, but spend
/// more on adding up its parts, one distance after another, than on the differences.
template <Size n_blocks>
void four_distances(const __m256i (&point)[n_blocks], const std::uint8_t* others, std::uint16_t* distances) {
    const auto sums_of = [&](Size r) {
        const auto* other = reinterpret_cast<const __m256i*>(others + r * n_blocks * bytes_an_instruction);
        __m256i sums = _mm256_sad_epu8(point[0], _mm256_loadu_si256(other));
        for (Size k = 1; k < n_blocks; ++k)
            sums = _mm256_add_epi64(sums, _mm256_sad_epu8(point[k], _mm256_loadu_si256(other + k)));
        return sums;
    };
    // One distance in each 16 bits of a lane, then the sum over the four lanes.
    const __m256i first = _mm256_or_si256(sums_of(0), _mm256_slli_epi64(sums_of(1), 16));
    const __m256i second = _mm256_or_si256(sums_of(2), _mm256_slli_epi64(sums_of(3), 16));
    const __m256i lanes = _mm256_or_si256(first, _mm256_slli_epi64(second, 32));
    const __m128i halves = _mm_add_epi16(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256(lanes, 1));
    const __m128i sums = _mm_add_epi16(halves, _mm_unpackhi_epi64(halves, halves));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(distances), sums);
}
#endif

template <Size n_blocks>
void distances_of(const std::uint8_t* point, const std::uint8_t* others, Size count, std::uint16_t* distances) {
    constexpr Size n_bytes = n_blocks * bytes_an_instruction;
    Size r = 0;
#if defined(__AVX2__)
    __m256i blocks[n_blocks];
    for (Size k = 0; k < n_blocks; ++k)
        blocks[k] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(point + k * bytes_an_instruction));
    for (; r + 4 <= count; r += 4) four_distances<n_blocks>(blocks, others + r * n_bytes, distances + r);
#endif
    for (; r < count; ++r) distances[r] = distance_of(point, others + r * n_bytes, n_bytes);
}

}  // namespace

ByteCodes byte_codes(DenseView<const double> points, Threads threads) {
    const std::vector<Interval> ranges = coordinate_ranges(points, threads);
    ByteCodes codes;
    codes.n_points = points.n_rows();
    const Size at_least = points.n_cols() + points.n_cols() / 4;
    codes.n_bytes =
        std::max<Size>(1, (at_least + bytes_an_instruction - 1) / bytes_an_instruction) * bytes_an_instruction;
    codes.step = smallest_step(ranges, codes.n_bytes);
    std::vector<Levels> levels;
    for (const Interval& range : ranges) levels.emplace_back(range, codes.step);
    codes.bytes.assign(static_cast<std::size_t>(codes.n_points * codes.n_bytes), 0);
    codes.error.resize(static_cast<std::size_t>(codes.n_points));
    parallel_for(codes.n_points, Grain{256}, threads, [&](Range cells) {
        for (const Size cell : cells) {
            std::uint8_t* bytes = codes.bytes.data() + cell * codes.n_bytes;
            double error = 0.0;
            for (Size column = 0; column < points.n_cols(); ++column) {
                const auto c = static_cast<std::size_t>(column);
                error += encode(points(cell, column), ranges[c], codes.step, levels[c], bytes);
                bytes += levels[c].n_bytes;
            }
            const double in_steps = std::min<double>(std::ceil(error / codes.step) + 1.0, ByteCodes::largest_error);
            codes.error[static_cast<std::size_t>(cell)] = static_cast<std::uint32_t>(in_steps);
        }
    });
    return codes;
}

void byte_distances(const std::uint8_t* point, const ByteCodes& codes, Size first, Size count,
                    std::uint16_t* distances) {
    const std::uint8_t* const others = codes.point(first);
    // A length known to the compiler lets it keep the point in registers.
    switch (codes.n_bytes / bytes_an_instruction) {
        case 1:
            return distances_of<1>(point, others, count, distances);
        case 2:
            return distances_of<2>(point, others, count, distances);
        case 3:
            return distances_of<3>(point, others, count, distances);
        case 4:
            return distances_of<4>(point, others, count, distances);
        case 5:
            return distances_of<5>(point, others, count, distances);
        default:
            for (Size r = 0; r < count; ++r)
                distances[r] = distance_of(point, others + r * codes.n_bytes, codes.n_bytes);
    }
}

}  // namespace cellweave
