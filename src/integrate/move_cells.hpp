#pragma once
#include <cstdint>
#include <span>

#include "core/parallel.hpp"
#include "core/views.hpp"

namespace cellweave {

/// Pairs of matched rows: row cells[k] should come to lie where row references[k] lies.
struct MatchedRows {
    std::span<const std::int64_t> cells;
    std::span<const std::int64_t> references;
};

/// Options of move_cells().
struct MoveOptions {
    /// Larger: less smoothing, every cell follows its nearest matches alone. Positive.
    double sigma = 15.0;

    /// A cell whose weights add up to less stays as well. scanorama without batches of matches divides by
    /// scikit-learn's normalize, which leaves totals below 10 machine epsilons undivided; otherwise 0.
    double least_total = 0.0;

    /// Let many similar cells share one linear map where that is within a hundredth of a standard deviation
    /// (smooth_shifts.hpp). Not together with least_total.
    bool approximate = false;
};

/// Moves data sets onto a reference (Hie, Bryson and Berger 2019, "nonlinear correction").
///
/// A moved cell x is shifted by the mean of the match vectors (reference - matched cell), each weighted by
/// exp(-sigma / 2 |x - matched cell|^2). A cell so far from all matched cells that every weight is zero in double
/// precision (log weight below -745.13) stays where it is; so do all when there is no match.
///
/// The weights depend on the matched cell only, so match vectors that start at the same cell are summed first. The rest
/// is computed like attention, tile by tile: logits, exponentials and the weighted sum never leave the cache. In
/// float32 (weighted_sums.hpp) while all logits lie within +-60, which normalised data always meet; otherwise in
/// float64 with a running maximum. Which, depends on the data alone.
///
/// Cost: 4 x moved cells x distinct matched cells x coordinates operations. Scratch: the matched cells and their
/// vectors once, and the totals of 256 cells a thread. Determinism: tiles are visited in a fixed order.
///
/// @param[in,out] coordinates  all cells x coordinates; references may be among the moved rows: their old place counts.
/// @param moved    ranges of rows to move; all matched cells lie within them.
void move_cells(DenseView<double> coordinates, std::span<const Range> moved, const MatchedRows& matches,
                const MoveOptions& options, Threads threads);

}  // namespace cellweave
