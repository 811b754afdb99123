#pragma once
#include <cmath>
#include <span>

#include "core/parallel.hpp"

namespace cellweave {

/// Whether no value is NaN or infinite. Cost: one read.
template <Real T>
bool all_finite(std::span<const T> values, Threads threads) {
    return parallel_reduce(
               static_cast<Size>(values.size()), Grain{1 << 20}, threads,
               [&](Range range) {
                   // x - x is 0 for finite x and NaN otherwise; a sum of such terms tells without a branch.
                   T poison = 0;
                   for (const Size k : range)
                       poison += values[static_cast<std::size_t>(k)] - values[static_cast<std::size_t>(k)];
                   return poison == 0 ? 0 : 1;
               },
               [](int& bad, int&& more) { bad |= more; }) == 0;
}

}  // namespace cellweave
