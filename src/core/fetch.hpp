#pragma once
#include <Eigen/Core>
#include <algorithm>

#include "core/types.hpp"

namespace cellweave {

/// Calls `each(k)` for k = 0 ... n - 1, and meanwhile fetches as many items at each of `next` into the cache.
///
/// For scattered work on one row after another: it keeps the core busy and the memory idle, so that the next row would
/// come late. The addresses are not read, so they may lie past the end of an array.
template <class Each, class... T>
void each_while_fetching(Size n, Each&& each, const T*... next) {
    constexpr Size line = 64 / static_cast<Size>(std::max({sizeof(T)...}));
    Size k = 0;
    for (; k + line <= n; k += line) {
        (Eigen::internal::prefetch(next + k), ...);
        for (Size item = k; item < k + line; ++item) each(item);
    }
    for (; k < n; ++k) each(k);
}

}  // namespace cellweave
