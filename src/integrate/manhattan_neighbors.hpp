#pragma once
#include <cstdint>
#include <vector>

#include "core/views.hpp"
#include "integrate/byte_codes.hpp"

namespace cellweave {

/// Finds the nearest points by Manhattan distance: scans byte codes, keeps what the error bounds cannot exclude, and
/// ranks that by the exact distance (ties: the lower index).
class ManhattanSearch {
public:
    /// @param slack  a candidate survives if its rounded distance is within the two points' errors of the last
    ///               neighbour's; with `approximate`, within a fixed slack of four standard deviations of the rounding.
    ManhattanSearch(DenseView<const double> points, const ByteCodes& codes, Size n_neighbors, bool approximate);

    /// Writes the neighbours of the points [first, last) among [begin, end) to `neighbors`, (last - first) x
    /// n_neighbors, nearest first, filled up with -1. For tiles of some tens of points: they share each load of the
    /// codes.
    void search(Size first, Size last, Size begin, Size end, std::int64_t* neighbors) const;

private:
    struct Candidate {
        std::uint32_t distance;
        std::int32_t index;
    };
    class Shortlist;

    double exact_distance(Size a, Size b) const;
    void rank(Size point, const std::vector<Candidate>& candidates, std::int64_t* neighbors) const;

    DenseView<const double> points_;
    const ByteCodes& codes_;
    Size n_neighbors_;
    bool approximate_;
    std::uint32_t slack_;
};

}  // namespace cellweave
