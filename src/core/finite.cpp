#include "core/finite.hpp"

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace cellweave {

namespace {

constexpr Size values_per_chunk = 1 << 20;

/// 1 if one of the values is NaN or infinite, else 0. An exponent of ones alone is that of NaN and the infinities.
/// Asked for in integers there is no chain of additions, so that the compiler vectorises the loop.
template <Real T>
int is_bad(std::span<const T> values) {
    using Bits = std::conditional_t<std::same_as<T, float>, std::uint32_t, std::uint64_t>;
    constexpr Bits exponent = std::bit_cast<Bits>(std::numeric_limits<T>::infinity());
    Bits bad = 0;
    for (const T value : values) bad |= static_cast<Bits>((std::bit_cast<Bits>(value) & exponent) == exponent);
    return bad != 0 ? 1 : 0;
}

void either(int& bad, int&& more) {
    bad |= more;
}

}  // namespace

template <Real T>
bool all_finite(std::span<const T> values, Threads threads) {
    const auto look = [&](Range range) {
        return is_bad(
            values.subspan(static_cast<std::size_t>(range.begin_item), static_cast<std::size_t>(range.size())));
    };
    return parallel_reduce(static_cast<Size>(values.size()), Grain{values_per_chunk}, threads, look, either) == 0;
}

template <Real T>
bool all_finite(DenseView<const T> matrix, Threads threads) {
    const auto look = [&](Range rows) {
        int bad = 0;
        for (const Size row : rows) bad |= is_bad(matrix.row(row));
        return bad;
    };
    const Grain grain{std::max<Size>(1, values_per_chunk / std::max<Size>(1, matrix.n_cols()))};
    return parallel_reduce(matrix.n_rows(), grain, threads, look, either) == 0;
}

template bool all_finite(std::span<const float>, Threads);
template bool all_finite(std::span<const double>, Threads);
template bool all_finite(DenseView<const float>, Threads);
template bool all_finite(DenseView<const double>, Threads);

}  // namespace cellweave
