#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "core/types.hpp"

namespace cellweave {

/// A row of tickets of which the k-th that is left can be taken: a Fenwick (1994) tree of ones. Both in log(n).
class Tickets {
public:
    Tickets() = default;
    explicit Tickets(Size n);

    Size left() const { return left_; }
    /// Tickets left among the first `n`.
    Size left_before(Size n) const;
    /// The position of the k-th ticket that is left, k from 0.
    Size find(Size k) const;
    void take(Size position);

private:
    std::vector<std::int32_t> sums_;
    Size left_ = 0;
};

/// Draws points from boxes: a box by chance among those of the round, then a point of it by chance.
///
/// A round holds every box that has points left, once; when all of them had their turn the next round starts. The
/// caller starts the rounds (and so decides the order in which a random number counts the boxes), and gives the random
/// bits. Those are used as numpy's RandomState.randint uses the 32-bit words of its generator: masked to the bits of
/// the bound, thrown away while too large; a choice among one takes none.
class BoxSampler {
public:
    /// @param box_of_point  the box of every point, 0 to n_boxes - 1, none empty.
    /// @param replace       whether a point may be drawn more than once.
    /// @throws InvalidInput  a box number out of range, or an empty box.
    BoxSampler(std::span<const std::int32_t> box_of_point, Size n_boxes, bool replace);

    /// Whether no round has begun, or all boxes of the last one had their turn.
    bool needs_round() const { return round_.left() == 0; }
    /// The boxes that have points left, in rising order.
    std::vector<std::int32_t> boxes_with_points() const;
    /// Starts a round. @throws InvalidInput  a box is out of range, or has no points left.
    void start_round(std::span<const std::int32_t> boxes);

    /// Draws until `wanted` points are drawn, the round is over or the words run out, and appends them to `drawn`.
    /// @return  words used.
    Size draw(std::span<const std::uint32_t> words, Size wanted, std::vector<std::int32_t>& drawn);

private:
    Size points_left(Size box) const;

    bool replace_;
    std::vector<Size> starts_;          // of every box in points_
    std::vector<std::int32_t> points_;  // box by box, rising within a box
    Tickets points_not_drawn_;          // over points_
    std::vector<std::int32_t> boxes_;   // of this round
    Tickets round_;                     // over boxes_
};

}  // namespace cellweave
