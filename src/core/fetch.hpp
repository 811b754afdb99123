#pragma once
#include <algorithm>

#include "core/types.hpp"

namespace cellweave {

/// Has the cache line at `address` brought near. The address is not read, so it may lie anywhere.
///
/// Functions that do nothing else must be inlined by force: to GCC they have no effect, and it leaves out their calls.
[[gnu::always_inline]] inline void fetch(const void* address) {
    __builtin_prefetch(address);
}

/// Calls `each(k)` for k = 0 ... n - 1, and meanwhile fetches as many items at each of `next` into the cache.
///
/// For scattered work on one row after another: it keeps the core busy and the memory idle, so that the next row would
/// come late.
template <class Each, class... T>
void each_while_fetching(Size n, Each&& each, const T*... next) {
    constexpr Size line = 64 / static_cast<Size>(std::max({sizeof(T)...}));
    Size k = 0;
    for (; k + line <= n; k += line) {
        (fetch(next + k), ...);
        for (Size item = k; item < k + line; ++item) each(item);
    }
    for (; k < n; ++k) each(k);
}

}  // namespace cellweave
