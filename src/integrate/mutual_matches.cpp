#include "integrate/mutual_matches.hpp"

#include <algorithm>

namespace cellweave {

namespace {

bool any_neighbor(const NeighborLists& lists, std::span<const std::int64_t> offsets, std::size_t set,
                  std::size_t other) {
    for (Size cell = offsets[set]; cell < offsets[set + 1]; ++cell) {
        if (!lists.within(cell, offsets[other], offsets[other + 1]).empty()) return true;
    }
    return false;
}

SetMatches matches_between(const NeighborLists& earlier, const NeighborLists& later,
                           std::span<const std::int64_t> offsets, std::size_t i, std::size_t j) {
    SetMatches matches{static_cast<Size>(i), static_cast<Size>(j), 0, 0, {}, {}};
    std::vector<char> has_match(static_cast<std::size_t>(offsets[j + 1] - offsets[j]), 0);
    for (Size a = offsets[i]; a < offsets[i + 1]; ++a) {
        const auto n_before = matches.first_cells.size();
        for (const Size b : later.within(a, offsets[j], offsets[j + 1])) {
            const auto back = earlier.of(b);
            if (!std::binary_search(back.begin(), back.end(), a)) continue;
            matches.first_cells.push_back(a - offsets[i]);
            matches.second_cells.push_back(b - offsets[j]);
            has_match[static_cast<std::size_t>(b - offsets[j])] = 1;
        }
        if (matches.first_cells.size() > n_before) ++matches.n_matched_first;
    }
    matches.n_matched_second = std::count(has_match.begin(), has_match.end(), 1);
    return matches;
}

}  // namespace

std::vector<SetMatches> mutual_matches(DenseView<const double> points, std::span<const std::int64_t> offsets,
                                       const MatchOptions& options, Threads threads) {
    const std::size_t n_sets = offsets.size() - 1;
    const MatchOptions bounded{std::min(options.n_neighbors, std::max<Size>(1, points.n_rows() - 1)),
                               options.approximate};
    const auto [earlier, later] = neighbors_in_other_sets(points, offsets, bounded, threads);

    std::vector<SetMatches> found;
    for (std::size_t i = 0; i < n_sets; ++i) {
        for (std::size_t j = i + 1; j < n_sets; ++j) {
            if (any_neighbor(later, offsets, i, j) && any_neighbor(earlier, offsets, j, i))
                found.push_back(matches_between(earlier, later, offsets, i, j));
        }
    }
    return found;
}

}  // namespace cellweave
