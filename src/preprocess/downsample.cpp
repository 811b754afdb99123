#include "preprocess/downsample.hpp"

#include <algorithm>
#include <bit>
#include <numeric>
#include <random>
#include <vector>

#include "core/monitor.hpp"

namespace cellweave {

namespace {

constexpr Grain rows_per_chunk{64};

/// Integers as numpy's RandomState draws them: masked bits of the twister, again until they are in range.
class LegacyRandom {
public:
    explicit LegacyRandom(std::uint32_t seed) : bits_(seed) {}

    /// Uniform in {0, ..., largest}; draws nothing for 0.
    std::uint64_t up_to(std::uint64_t largest) {
        if (largest == 0) return 0;
        const std::uint64_t mask = ~std::uint64_t{0} >> std::countl_zero(largest);
        for (;;) {
            const std::uint64_t drawn = (largest <= 0xffffffffU ? next_32() : next_64()) & mask;
            if (drawn <= largest) return drawn;
        }
    }

private:
    std::uint64_t next_32() { return static_cast<std::uint64_t>(bits_()); }
    std::uint64_t next_64() {
        const std::uint64_t high = next_32();
        return high << 32 | next_32();
    }

    std::mt19937 bits_;
};

std::vector<Size> drawn_counts(Size total, Size target, const DownsampleOptions& options) {
    LegacyRandom random(options.seed);
    std::vector<Size> drawn;
    if (options.replace) {
        drawn.resize(static_cast<std::size_t>(target));
        for (Size& count : drawn) count = static_cast<Size>(random.up_to(static_cast<std::uint64_t>(total - 1)));
    } else {
        drawn.resize(static_cast<std::size_t>(total));
        std::iota(drawn.begin(), drawn.end(), Size{0});
        for (Size k = total - 1; k > 0; --k)
            std::swap(drawn[static_cast<std::size_t>(k)], drawn[random.up_to(static_cast<std::uint64_t>(k))]);
        drawn.resize(static_cast<std::size_t>(target));
    }
    std::sort(drawn.begin(), drawn.end());
    return drawn;
}

template <class T>
double total_of(std::span<const T> values) {
    double total = 0;
    for (const T value : values) total += static_cast<double>(value);
    return total;
}

template <class T>
void downsample_row(std::span<T> values, Size target, const DownsampleOptions& options) {
    if (total_of(std::span<const T>(values)) > static_cast<double>(target)) downsample(values, target, options);
}

}  // namespace

template <Number T>
void downsample(std::span<T> values, Size target, const DownsampleOptions& options) {
    const auto total = static_cast<Size>(total_of(std::span<const T>(values)));
    const std::vector<Size> drawn = drawn_counts(total, target, options);
    double end = 0;
    std::size_t next = 0;
    for (T& value : values) {
        end += static_cast<double>(value);
        const std::size_t first = next;
        while (next < drawn.size() && static_cast<double>(drawn[next]) < end) ++next;
        value = static_cast<T>(next - first);
    }
}

template <Number T, Index I>
void downsample_rows(CsrView<T, I> counts, std::span<const Size> targets, const DownsampleOptions& options,
                     Threads threads) {
    const Uninterrupted guard;
    parallel_for(counts.n_rows(), rows_per_chunk, threads, [&](Range rows) {
        for (const Size row : rows)
            downsample_row(counts.row(row).values, targets[static_cast<std::size_t>(row)], options);
    });
}

template <Number T>
void downsample_rows(DenseView<T> counts, std::span<const Size> targets, const DownsampleOptions& options,
                     Threads threads) {
    const Uninterrupted guard;
    parallel_for(counts.n_rows(), rows_per_chunk, threads, [&](Range rows) {
        for (const Size row : rows) downsample_row(counts.row(row), targets[static_cast<std::size_t>(row)], options);
    });
}

#define CELLWEAVE_INSTANTIATE(T)                                                                              \
    template void downsample<T>(std::span<T>, Size, const DownsampleOptions&);                                \
    template void downsample_rows<T>(DenseView<T>, std::span<const Size>, const DownsampleOptions&, Threads); \
    template void downsample_rows<T, std::int32_t>(CsrView<T, std::int32_t>, std::span<const Size>,           \
                                                   const DownsampleOptions&, Threads);                        \
    template void downsample_rows<T, std::int64_t>(CsrView<T, std::int64_t>, std::span<const Size>,           \
                                                   const DownsampleOptions&, Threads);
CELLWEAVE_INSTANTIATE(float)
CELLWEAVE_INSTANTIATE(double)
CELLWEAVE_INSTANTIATE(std::int32_t)
CELLWEAVE_INSTANTIATE(std::int64_t)
#undef CELLWEAVE_INSTANTIATE

}  // namespace cellweave
