#include "integrate/box_sampler.hpp"

#include <bit>
#include <string>

#include "core/error.hpp"

namespace cellweave {

namespace {

std::size_t at(Size k) {
    return static_cast<std::size_t>(k);
}

/// Random bits as bounded numbers; `ran_out` says that the words did not suffice.
class Words {
public:
    explicit Words(std::span<const std::uint32_t> words) : words_(words) {}

    Size below(Size n) {
        const auto largest = static_cast<std::uint32_t>(n - 1);
        if (largest == 0) return 0;
        const std::uint32_t mask = ~std::uint32_t{0} >> std::countl_zero(largest);
        while (used_ < words_.size()) {
            const std::uint32_t value = words_[used_++] & mask;
            if (value <= largest) return value;
        }
        ran_out_ = true;
        return 0;
    }

    bool ran_out() const { return ran_out_; }
    Size used() const { return static_cast<Size>(used_); }

private:
    std::span<const std::uint32_t> words_;
    std::size_t used_ = 0;
    bool ran_out_ = false;
};

}  // namespace

Tickets::Tickets(Size n) : sums_(at(n + 1), 0), left_(n) {
    // Node k holds the sum of the (lowest set bit of k) entries that end at k: at first, just that many.
    for (Size k = 1; k <= n; ++k) sums_[at(k)] = static_cast<std::int32_t>(k & -k);
}

Size Tickets::left_before(Size n) const {
    Size sum = 0;
    for (; n > 0; n &= n - 1) sum += sums_[at(n)];
    return sum;
}

Size Tickets::find(Size k) const {
    const auto size = sums_.size();
    Size position = 0;
    for (std::size_t step = std::bit_floor(size); step > 0; step /= 2) {
        const std::size_t next = at(position) + step;
        if (next < size && sums_[next] <= k) {
            k -= sums_[next];
            position = static_cast<Size>(next);
        }
    }
    return position;
}

void Tickets::take(Size position) {
    --left_;
    for (std::size_t k = at(position + 1); k < sums_.size(); k += k & (~k + 1)) --sums_[k];
}

BoxSampler::BoxSampler(std::span<const std::int32_t> box_of_point, Size n_boxes, bool replace)
    : replace_(replace),
      starts_(at(n_boxes + 1), 0),
      points_(box_of_point.size()),
      points_not_drawn_(static_cast<Size>(box_of_point.size())) {
    for (const std::int32_t box : box_of_point) {
        require(box >= 0 && box < n_boxes,
                [&] { return "box_of_point: box " + std::to_string(box) + " is out of range"; });
        ++starts_[at(box) + 1];
    }
    for (Size box = 0; box < n_boxes; ++box) {
        require(starts_[at(box + 1)] > 0, [&] { return "box_of_point: box " + std::to_string(box) + " is empty"; });
        starts_[at(box + 1)] += starts_[at(box)];
    }
    std::vector<Size> next(starts_.begin(), starts_.end() - 1);
    for (std::size_t p = 0; p < box_of_point.size(); ++p) {
        points_[at(next[at(box_of_point[p])]++)] = static_cast<std::int32_t>(p);
    }
}

Size BoxSampler::points_left(Size box) const {
    return points_not_drawn_.left_before(starts_[at(box + 1)]) - points_not_drawn_.left_before(starts_[at(box)]);
}

std::vector<std::int32_t> BoxSampler::boxes_with_points() const {
    std::vector<std::int32_t> boxes;
    for (Size box = 0; box + 1 < static_cast<Size>(starts_.size()); ++box) {
        if (points_left(box) > 0) boxes.push_back(static_cast<std::int32_t>(box));
    }
    return boxes;
}

void BoxSampler::start_round(std::span<const std::int32_t> boxes) {
    for (const std::int32_t box : boxes) {
        require(box >= 0 && at(box) + 1 < starts_.size() && points_left(box) > 0,
                [&] { return "boxes: box " + std::to_string(box) + " has no points"; });
    }
    boxes_.assign(boxes.begin(), boxes.end());
    round_ = Tickets(static_cast<Size>(boxes.size()));
}

Size BoxSampler::draw(std::span<const std::uint32_t> words, Size wanted, std::vector<std::int32_t>& drawn) {
    Words supply(words);
    Size used = 0;
    for (Size k = 0; k < wanted && round_.left() > 0; ++k) {
        const Size turn = round_.find(supply.below(round_.left()));
        const Size box = boxes_[at(turn)];
        const Size before = points_not_drawn_.left_before(starts_[at(box)]);
        const Size point = points_not_drawn_.find(before + supply.below(points_left(box)));
        if (supply.ran_out()) break;  // this draw is repeated with more words
        round_.take(turn);
        if (!replace_) points_not_drawn_.take(point);
        drawn.push_back(points_[at(point)]);
        used = supply.used();
    }
    return used;
}

}  // namespace cellweave
