#include <algorithm>
#include <vector>

#include "check.hpp"
#include "core/error.hpp"
#include "core/random.hpp"
#include "integrate/box_sampler.hpp"

using namespace cellweave;

namespace {

std::vector<std::uint32_t> words(Size n) {
    const Random random(3, 1);
    std::vector<std::uint32_t> bits;
    for (Size k = 0; k < n; ++k) bits.push_back(static_cast<std::uint32_t>(random.bits(static_cast<std::uint64_t>(k))));
    return bits;
}

}  // namespace

TEST("tickets: the k-th that is left") {
    Tickets tickets(13);
    std::vector<Size> left{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    for (const Size k : {4, 0, 10, 5, 5, 0, 6, 0}) {
        CHECK(tickets.find(k) == left[k]);
        tickets.take(left[k]);
        left.erase(left.begin() + k);
        CHECK(tickets.left() == static_cast<Size>(left.size()));
        for (std::size_t j = 0; j < left.size(); ++j) {
            CHECK(tickets.find(static_cast<Size>(j)) == left[j]);
            CHECK(tickets.left_before(left[j]) == static_cast<Size>(j));
        }
    }
}

TEST("box sampler: every box once a round, every point once in all") {
    const std::vector<std::int32_t> box_of_point{0, 1, 0, 2, 1, 0};
    const auto bits = words(100);
    BoxSampler sampler(box_of_point, 3, false);
    std::vector<std::int32_t> drawn;
    Size used = 0;
    while (drawn.size() < box_of_point.size()) {
        CHECK(sampler.needs_round());
        const auto boxes = sampler.boxes_with_points();
        const std::size_t before = drawn.size();
        sampler.start_round(boxes);
        used += sampler.draw(std::span(bits).subspan(static_cast<std::size_t>(used)), 100, drawn);
        std::vector<std::int32_t> visited;
        for (std::size_t k = before; k < drawn.size(); ++k) visited.push_back(box_of_point[drawn[k]]);
        std::sort(visited.begin(), visited.end());
        CHECK(visited == boxes);
    }
    std::sort(drawn.begin(), drawn.end());
    CHECK(drawn == (std::vector<std::int32_t>{0, 1, 2, 3, 4, 5}));
    CHECK(sampler.boxes_with_points().empty());
}

TEST("box sampler: words in small portions give the same draws") {
    std::vector<std::int32_t> box_of_point;
    for (int p = 0; p < 60; ++p) box_of_point.push_back(p % 7);
    const std::vector<std::int32_t> boxes{3, 1, 0, 6, 2, 5, 4};
    const auto bits = words(200);
    std::vector<std::int32_t> at_once, in_portions;
    BoxSampler first(box_of_point, 7, false);
    first.start_round(boxes);
    const Size used = first.draw(bits, 7, at_once);
    BoxSampler second(box_of_point, 7, false);
    second.start_round(boxes);
    Size begin = 0;
    for (std::size_t portion = 0; in_portions.size() < 7; portion = (portion + 1) % 20) {
        begin += second.draw(std::span(bits).subspan(static_cast<std::size_t>(begin), portion), 7, in_portions);
    }
    CHECK(at_once == in_portions);
    CHECK(begin == used);
}

TEST("box sampler: wrong boxes are refused") {
    const std::vector<std::int32_t> out_of_range{0, 2}, with_gap{0, 0}, fine{0, 1};
    CHECK_THROWS(InvalidInput, BoxSampler(out_of_range, 2, false));
    CHECK_THROWS(InvalidInput, BoxSampler(with_gap, 2, false));
    BoxSampler sampler(fine, 2, false);
    CHECK_THROWS(InvalidInput, sampler.start_round(out_of_range));
}
