#include "integrate/mutual_matches.hpp"

#include <algorithm>

#include "core/monitor.hpp"
#include "integrate/byte_codes.hpp"
#include "integrate/manhattan_neighbors.hpp"

namespace cellweave {

namespace {

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
    std::span<const std::int64_t> within(Size cell, Size begin, Size end) const {
        const auto all = of(cell);
        const auto from = std::lower_bound(all.begin(), all.end(), begin);
        return {from, std::lower_bound(from, all.end(), end)};
    }
};

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
    const Size n_cells = points.n_rows();
    const Size k = std::min(options.n_neighbors, std::max<Size>(1, n_cells - 1));
    const ByteCodes codes = byte_codes(points, threads);
    const ManhattanSearch search(points, codes, k, options.approximate);
    NeighborLists earlier(n_cells, k);
    NeighborLists later(n_cells, k);

    struct Tile {
        Size first;
        Size last;
        std::size_t set;
    };
    constexpr Size tile_size = 32;
    std::vector<Tile> tiles;
    for (std::size_t set = 0; set < n_sets; ++set)
        for (Size cell = offsets[set]; cell < offsets[set + 1]; cell += tile_size)
            tiles.push_back({cell, std::min(cell + tile_size, offsets[set + 1]), set});

    Progress stage("Matching cells", n_cells);
    parallel_for(static_cast<Size>(tiles.size()), Grain{1}, threads, [&](Range range) {
        for (const Size t : range) {
            const Tile& tile = tiles[static_cast<std::size_t>(t)];
            search.search(tile.first, tile.last, 0, offsets[tile.set], earlier.of(tile.first).data());
            search.search(tile.first, tile.last, offsets[tile.set + 1], n_cells, later.of(tile.first).data());
            for (Size cell = tile.first; cell < tile.last; ++cell) {
                std::ranges::sort(earlier.of(cell));
                std::ranges::sort(later.of(cell));
            }
            stage.advance(tile.last - tile.first);
        }
    });

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
