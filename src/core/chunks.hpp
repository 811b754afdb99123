#pragma once
#include <algorithm>

#include "core/parallel.hpp"

namespace cellweave {

/// Lines (rows or columns) per chunk, so that a chunk holds about `n_wanted` of the matrix's `n_entries`: a millisecond
/// or a few of work, whatever the shape. A reduction whose partial results hold `n_out` numbers gets chunks of at least
/// 8 times as many entries, so that merging costs little beside the work.
inline Grain chunk_of_lines(Size n_lines, Size n_entries, Size n_wanted, Size n_out = 0) {
    if (n_lines == 0 || n_entries == 0) return {std::max<Size>(1, n_lines)};
    const double per_line = static_cast<double>(n_entries) / static_cast<double>(n_lines);
    const double n_chosen = static_cast<double>(std::max(n_wanted, 8 * n_out)) / per_line;
    return {static_cast<Size>(std::clamp(n_chosen, 1.0, static_cast<double>(n_lines)))};
}

}  // namespace cellweave
