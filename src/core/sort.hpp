#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <span>

namespace cellweave {

/// As many items as sort_few() sorts by itself.
inline constexpr std::size_t few = 32;

/// Sorts some ten items by counting for each how many come before it: the branches of other sorts could not be
/// foreseen. Stable. More than `few` go the way of std::stable_sort.
template <class T, class Less = std::less<>>
void sort_few(std::span<T> items, Less&& less = {}) {
    if (items.size() > few) {
        std::stable_sort(items.begin(), items.end(), less);
        return;
    }
    std::array<T, few> copy;
    std::array<unsigned, few> places;
    for (std::size_t item = 0; item < items.size(); ++item) {
        copy[item] = items[item];
        unsigned place = 0;
        for (std::size_t before = 0; before < item; ++before) {
            const unsigned is_first = less(copy[item], copy[before]) ? 1 : 0;
            places[before] += is_first;
            place += 1 - is_first;
        }
        places[item] = place;
    }
    for (std::size_t item = 0; item < items.size(); ++item) items[places[item]] = copy[item];
}

}  // namespace cellweave
