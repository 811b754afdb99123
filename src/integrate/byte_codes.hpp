#pragma once
#include <cstdint>
#include <vector>

#include "core/parallel.hpp"
#include "core/views.hpp"

namespace cellweave {

/// Points rounded to bytes so that Manhattan distances can be bounded 32 bytes an instruction.
///
/// One common step for all coordinates. A coordinate whose range exceeds 255 steps is spread over several bytes like
/// the mercury of a row of thermometers (a full byte before the next one starts), so that the sum of byte differences
/// equals the Manhattan distance of the rounded points, in steps. With e(x) the rounding error of point x,
///
///     |manhattan(x, y) - step * byte_distance(x, y)| <= e(x) + e(y).
///
/// No distance exceeds 16 bits, whatever the number of coordinates.
struct ByteCodes {
    Size n_points = 0;
    /// Bytes of a point; a multiple of 32, zero-filled.
    Size n_bytes = 0;
    double step = 1.0;
    /// n_points x n_bytes.
    std::vector<std::uint8_t> bytes;
    /// e(x) of every point in whole steps, rounded up; at most largest_error.
    std::vector<std::uint32_t> error;

    /// So large that it excludes nothing, and leaves room to add distances to it.
    static constexpr std::uint32_t largest_error = 100'000'000;

    const std::uint8_t* point(Size index) const { return bytes.data() + index * n_bytes; }
};

/// Rounds `points` to about 1.25 bytes a coordinate.
///
/// Ranges are those of 4,096 points spread evenly, without the outermost 0.1 % on each side; a point beyond them is
/// clipped, and the clipping is part of its error. Cost: two reads of the points. Deterministic.
ByteCodes byte_codes(DenseView<const double> points, Threads threads);

/// Writes byte_distance(point, codes[first + r]) for r in [0, count) to `distances`. `point` is one code.
void byte_distances(const std::uint8_t* point, const ByteCodes& codes, Size first, Size count,
                    std::uint16_t* distances);

}  // namespace cellweave
