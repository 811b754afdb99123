#pragma once
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "core/parallel.hpp"
#include "core/views.hpp"
#include "integrate/byte_codes.hpp"

namespace cellweave {

/// How far, in steps of the codes, the k-th nearest point of the earlier and of the later sets is from each point at
/// most.
struct FirstBounds {
    std::vector<std::uint32_t> earlier;
    std::vector<std::uint32_t> later;

    /// Where too few points have been looked at.
    static constexpr std::uint32_t unknown = std::numeric_limits<std::uint32_t>::max() / 8;
};

/// Bounds from a first look at points of the clusters nearby, found by k-means.
///
/// A search that begins with them keeps a third to a half of the candidates on its way, and finds the same neighbours.
///
/// Cost: a few percent of all pairs. Scratch: the points as float32. Determinism: as of find_clusters().
///
/// @param offsets  where each set begins, and the end.
/// @param errors   what rounding may add to the distance from a point, in steps.
FirstBounds first_bounds(DenseView<const double> points, std::span<const std::int64_t> offsets, const ByteCodes& codes,
                         std::span<const std::uint32_t> errors, std::size_t k, Threads threads);

}  // namespace cellweave
