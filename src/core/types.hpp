#pragma once
#include <concepts>
#include <cstdint>

namespace cellweave {

/// Counts cells, genes, entries and bytes everywhere: 64 bits, so that more than 2^31 entries are nothing special.
using Size = std::int64_t;

/// Value types that the kernels compute in.
template <class T>
concept Real = std::same_as<T, float> || std::same_as<T, double>;

/// Value types that the kernels read in place: counts are often integers.
template <class T>
concept Number = Real<T> || std::same_as<T, std::int32_t> || std::same_as<T, std::int64_t>;

/// Index types of scipy's compressed matrices.
template <class I>
concept Index = std::same_as<I, std::int32_t> || std::same_as<I, std::int64_t>;

}  // namespace cellweave
