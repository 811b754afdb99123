#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "core/parallel.hpp"
#include "core/views.hpp"
#include "integrate/manhattan_neighbors.hpp"

namespace cellweave {

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
/// Every cell is searched for in all earlier data sets together and in all later ones together, by Manhattan distance
/// (manhattan_neighbors.hpp, which also tells the cost). Ties go to the cell that comes first.
///
/// @param points   cells x coordinates, all sets below one another.
/// @param offsets  where each set begins, and the end: n_sets + 1 numbers.
/// @return         the pairs of sets that have one-sided neighbours in both directions, in lexicographic order.
std::vector<SetMatches> mutual_matches(DenseView<const double> points, std::span<const std::int64_t> offsets,
                                       const MatchOptions& options, Threads threads);

}  // namespace cellweave
