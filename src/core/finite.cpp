#include "core/finite.hpp"

#include <bit>
#include <concepts>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace cellweave {

namespace {
constexpr Grain values_per_chunk{1 << 20};
}

template <Real T>
bool all_finite(std::span<const T> values, Threads threads) {
    // An exponent of ones alone is that of NaN and the infinities. Asked for in integers there is no chain of
    // additions, so that the compiler vectorises the loop.
    using Bits = std::conditional_t<std::same_as<T, float>, std::uint32_t, std::uint64_t>;
    constexpr Bits exponent = std::bit_cast<Bits>(std::numeric_limits<T>::infinity());
    const auto is_bad = [&](Range range) {
        Bits bad = 0;
        for (const Size k : range) {
            const Bits bits = std::bit_cast<Bits>(values[static_cast<std::size_t>(k)]);
            bad |= static_cast<Bits>((bits & exponent) == exponent);
        }
        return bad != 0 ? 1 : 0;
    };
    const auto either = [](int& bad, int&& more) { bad |= more; };
    return parallel_reduce(static_cast<Size>(values.size()), values_per_chunk, threads, is_bad, either) == 0;
}

template bool all_finite(std::span<const float>, Threads);
template bool all_finite(std::span<const double>, Threads);

}  // namespace cellweave
