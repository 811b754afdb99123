#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstdint>
#include <numeric>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/types.hpp"

namespace cellweave {

template <Real T>
using SortKey = std::conditional_t<std::same_as<T, float>, std::uint32_t, std::uint64_t>;

/// A number that compares as `value` does: negative values have their bits turned around, others come above them.
template <Real T>
SortKey<T> key_of(T value) {
    const auto bits = std::bit_cast<SortKey<T>>(value);
    constexpr SortKey<T> sign = SortKey<T>{1} << (8 * sizeof(T) - 1);
    return (bits & sign) != 0 ? ~bits : bits | sign;
}

/// A value of a gene, and the group of the cell that has it.
template <Real T>
struct GeneEntry {
    SortKey<T> key;
    std::int32_t group;
};

/// Sorts entries by key, digit by digit from the lowest (Knuth, The Art of Computer Programming 3, 5.2.5).
template <Real T>
class RadixSort {
public:
    using Entry = GeneEntry<T>;

    /// @return  the sorted entries: in their place, or in scratch that lives until the next call.
    std::span<const Entry> operator()(std::span<Entry> entries) {
        if (entries.size() < least_worth_counting) {
            std::ranges::sort(entries, {}, &Entry::key);
            return entries;
        }
        count_digits(entries);
        if (scratch_.size() < entries.size()) scratch_.resize(entries.size());
        std::span<Entry> from = entries;
        std::span<Entry> to(scratch_.data(), entries.size());
        for (std::size_t digit = 0; digit < n_digits; ++digit) {
            Places& places = places_[digit];
            if (places[digit_of(entries.front().key, digit)] == entries.size()) continue;  // the same in all keys
            std::exclusive_scan(places.begin(), places.end(), places.begin(), std::uint32_t{0});
            for (const Entry& entry : from) to[places[digit_of(entry.key, digit)]++] = entry;
            std::swap(from, to);
        }
        return from;
    }

private:
    static constexpr std::size_t digit_bits = 11;
    static constexpr std::size_t n_digits = (8 * sizeof(T) + digit_bits - 1) / digit_bits;
    /// Below it, comparing costs less than clearing the counts.
    static constexpr std::size_t least_worth_counting = 512;
    /// Of each value of a digit: how many keys have it, then where the next of them goes.
    using Places = std::array<std::uint32_t, std::size_t{1} << digit_bits>;

    static std::size_t digit_of(SortKey<T> key, std::size_t digit) {
        return static_cast<std::size_t>(key >> (digit * digit_bits)) & ((std::size_t{1} << digit_bits) - 1);
    }

    void count_digits(std::span<const Entry> entries) {
        for (Places& counts : places_) counts.fill(0);
        for (const Entry& entry : entries)
            for (std::size_t digit = 0; digit < n_digits; ++digit) ++places_[digit][digit_of(entry.key, digit)];
    }

    std::array<Places, n_digits> places_;
    std::vector<Entry> scratch_;
};

}  // namespace cellweave
