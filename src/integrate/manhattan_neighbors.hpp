#pragma once
#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "core/parallel.hpp"
#include "core/views.hpp"

namespace cellweave {

/// Options of neighbors_in_other_sets() and mutual_matches().
struct MatchOptions {
    /// Nearest neighbours of a cell among the earlier, and among the later data sets. More of them give more matches,
    /// also wrong ones. Where there are fewer cells than that, all of them are neighbours.
    Size n_neighbors = 20;

    /// Drop candidates whose rounded distance exceeds that of the last neighbour by four times the standard deviation
    /// of the rounding, instead of by its bound. Saves most exact distances; about one neighbour in 10,000 differs.
    bool approximate = false;
};

/// n_cells x n_neighbors cell numbers, sorted within a cell; -1 first where there are fewer.
struct NeighborLists {
    Size n_neighbors;
    std::vector<std::int64_t> cells;

    NeighborLists(Size n_cells, Size k) : n_neighbors(k), cells(static_cast<std::size_t>(n_cells * k), -1) {}
    std::span<std::int64_t> of(Size cell) {
        return {cells.data() + cell * n_neighbors, static_cast<std::size_t>(n_neighbors)};
    }
    std::span<const std::int64_t> of(Size cell) const {
        return {cells.data() + cell * n_neighbors, static_cast<std::size_t>(n_neighbors)};
    }
    /// Those numbered [begin, end).
    std::span<const std::int64_t> within(Size cell, Size begin, Size end) const {
        const auto all = of(cell);
        const auto from = std::lower_bound(all.begin(), all.end(), begin);
        return {from, std::lower_bound(from, all.end(), end)};
    }
};

/// The neighbours of every cell among the cells of all earlier, and of all later data sets.
struct OtherSetNeighbors {
    NeighborLists earlier;
    NeighborLists later;
};

/// Finds the nearest points of the other data sets by Manhattan distance (ties: the lower index).
///
/// Scans byte codes (byte_codes.hpp), keeps what the error bounds cannot exclude, and ranks that by the exact distance.
/// One scan of two sets serves the neighbours in both directions.
///
/// Cost: about 1 ns of one core per pair of points of different sets (100 coordinates). Scratch: 1.3 bytes per
/// coordinate and about 1 kB per point. Determinism: what is kept, and its rank, do not depend on the order of the
/// scan.
///
/// @param points   cells x coordinates, all sets below one another.
/// @param offsets  where each set begins, and the end: n_sets + 1 numbers.
OtherSetNeighbors neighbors_in_other_sets(DenseView<const double> points, std::span<const std::int64_t> offsets,
                                          const MatchOptions& options, Threads threads);

}  // namespace cellweave
