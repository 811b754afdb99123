#pragma once
#include <cstdint>
#include <span>

#include "core/parallel.hpp"
#include "core/views.hpp"

namespace cellweave {

/// Options of the downsampling functions.
struct DownsampleOptions {
    /// Start of the Mersenne twister. Every array that is drawn from starts it anew, so equal arrays give equal draws.
    std::uint32_t seed = 0;
    /// Draw each count from all of them again; a value can then grow.
    bool replace = false;
};

/// Draws `target` of the counts that `values` hold together, in place.
///
/// The draw is numpy's RandomState(seed).choice(total, target, replace): without replacement, the first `target` places
/// of a shuffle of all counts. Cost: one step a count. Scratch: 8 bytes a count.
///
/// @param values  none negative; their sum (rounded down) is above `target`.
template <Number T>
void downsample(std::span<T> values, Size target, const DownsampleOptions& options);

/// The same for every row of a matrix whose total exceeds its target; the others stay. Cannot be interrupted.
/// Determinism: a row's draw depends on the row alone.
template <Number T, Index I>
void downsample_rows(CsrView<T, I> counts, std::span<const Size> targets, const DownsampleOptions& options,
                     Threads threads);
template <Number T>
void downsample_rows(DenseView<T> counts, std::span<const Size> targets, const DownsampleOptions& options,
                     Threads threads);

}  // namespace cellweave
