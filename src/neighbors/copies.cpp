#include "neighbors/copies.hpp"

#include <bit>
#include <span>
#include <type_traits>
#include <utility>

namespace cellweave {

namespace {

/// The same for the same values; 0 and -0 are.
template <Real T>
std::uint64_t hash(std::span<const T> values) {
    using Word = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    std::uint64_t sum = 0;
    for (const T value : values) {
        sum = (sum ^ std::bit_cast<Word>(value + T(0))) * 0x9E3779B97F4A7C15;
        sum ^= sum >> 32;
    }
    return sum;
}

/// Points of which more than `n_kept` may be copies of one another, with their hash and sorted by it.
std::vector<std::pair<std::uint64_t, std::int32_t>> suspects(const std::vector<std::uint64_t>& hashes, Size n_kept) {
    const std::uint64_t mask = std::bit_ceil(2 * hashes.size()) - 1;
    std::vector<std::int32_t> counts(mask + 1);
    for (const std::uint64_t hash : hashes) ++counts[hash & mask];
    std::vector<std::pair<std::uint64_t, std::int32_t>> found;
    for (std::size_t point = 0; point < hashes.size(); ++point) {
        if (counts[hashes[point] & mask] > n_kept) found.push_back({hashes[point], static_cast<std::int32_t>(point)});
    }
    std::ranges::sort(found);
    return found;
}

}  // namespace

template <Real T>
std::optional<WithoutCopies> leave_out_copies(DenseView<const T> points, Size n_kept, Threads threads) {
    std::vector<std::uint64_t> hashes(static_cast<std::size_t>(points.n_rows()));
    parallel_for(points.n_rows(), Grain{1024}, threads, [&](Range rows) {
        for (const Size row : rows) hashes[static_cast<std::size_t>(row)] = hash<T>(points.row(row));
    });
    const auto found = suspects(hashes, n_kept);

    // Of each point that is left out: the last copy that is not.
    std::vector<std::pair<std::int32_t, std::int32_t>> left_out;
    for (std::size_t begin = 0; begin < found.size();) {
        const auto is_copy = [&, first = found[begin].second](std::int32_t point) {
            return std::ranges::equal(points.row(point), points.row(first));
        };
        Size n_copies = 0;
        std::int32_t last_kept = 0;
        std::size_t end = begin;
        for (; end < found.size() && found[end].first == found[begin].first; ++end) {
            if (!is_copy(found[end].second)) continue;  // the hash alone is the same
            if (++n_copies <= n_kept) {
                last_kept = found[end].second;
            } else {
                left_out.push_back({found[end].second, last_kept});
            }
        }
        begin = end;
    }
    if (left_out.empty()) return std::nullopt;
    std::ranges::sort(left_out);

    WithoutCopies without;
    without.stand_ins.resize(hashes.size());
    auto next = left_out.begin();
    for (Size point = 0; point < points.n_rows(); ++point) {
        if (next != left_out.end() && next->first == point) {
            // Its stand-in comes before it.
            without.stand_ins[static_cast<std::size_t>(point)] =
                without.stand_ins[static_cast<std::size_t>(next->second)];
            ++next;
        } else {
            without.stand_ins[static_cast<std::size_t>(point)] = static_cast<std::int32_t>(without.kept.size());
            without.kept.push_back(static_cast<std::int32_t>(point));
        }
    }
    return without;
}

template std::optional<WithoutCopies> leave_out_copies(DenseView<const float>, Size, Threads);
template std::optional<WithoutCopies> leave_out_copies(DenseView<const double>, Size, Threads);

}  // namespace cellweave
