#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "core/parallel.hpp"
#include "core/views.hpp"

namespace cellweave {

/// Options of mutual_matches().
struct MatchOptions {
    /// Nearest neighbours of a cell among the earlier, and among the later data sets. More of them give more matches,
    /// also wrong ones. Where there are fewer cells than that, all of them are neighbours.
    Size n_neighbors = 20;

    /// Drop candidates whose rounded distance exceeds that of the last neighbour by four times the standard deviation
    /// of the rounding, instead of by its bound. Saves most exact distances; about one neighbour in 10,000 differs.
    bool approximate = false;
};

/// The mutual nearest neighbours of two data sets.
struct SetMatches {
    Size first_set;
    Size second_set;
    /// Cells that have a match, in either set.
    Size n_matched_first;
    Size n_matched_second;
    /// Pairs (cell of the first set, cell of the second), numbered within their sets, in rising order.
    std::vector<std::int64_t> first_cells;
    std::vector<std::int64_t> second_cells;
};

/// Finds pairs of cells of different data sets that are in each other's neighbour lists (Hie, Bryson and Berger 2019).
///
/// Every cell is searched for in all earlier data sets together and in all later ones together, by Manhattan distance.
/// The search scans all pairs as bytes (byte_codes.hpp) and computes exact distances of what may be a neighbour.
/// Ties go to the cell that comes first.
///
/// Cost: about 1 ns of one core per pair of cells of different sets and direction (100 coordinates).
/// Scratch: 1.3 bytes per coordinate, and 2 x n_neighbors integers per cell.
///
/// @param points   cells x coordinates, all sets below one another.
/// @param offsets  where each set begins, and the end: n_sets + 1 numbers.
/// @return         the pairs of sets that have one-sided neighbours in both directions, in lexicographic order.
std::vector<SetMatches> mutual_matches(DenseView<const double> points, std::span<const std::int64_t> offsets,
                                       const MatchOptions& options, Threads threads);

}  // namespace cellweave
