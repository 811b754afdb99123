#include "neighbors/copies.hpp"

#include <algorithm>
#include <bit>
#include <numeric>
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
    if (found.empty()) return std::nullopt;

    // At first by their own index: a point that is left out has the last copy that is not, the others themselves.
    std::vector<std::int32_t> stand_ins(hashes.size());
    std::iota(stand_ins.begin(), stand_ins.end(), 0);
    for (std::size_t begin = 0, end = 0; begin < found.size(); begin = end) {
        const auto first = points.row(found[begin].second);
        Size n_copies = 0;
        std::int32_t last_kept = 0;
        for (end = begin; end < found.size() && found[end].first == found[begin].first; ++end) {
            const std::int32_t point = found[end].second;
            if (!std::ranges::equal(points.row(point), first)) continue;  // the hash alone is the same
            if (++n_copies <= n_kept) last_kept = point;
            stand_ins[static_cast<std::size_t>(point)] = last_kept;
        }
    }

    WithoutCopies without;
    for (std::int32_t point = 0; auto& stand_in : stand_ins) {
        if (stand_in == point) {
            stand_in = static_cast<std::int32_t>(without.kept.size());
            without.kept.push_back(point);
        } else {
            stand_in = stand_ins[static_cast<std::size_t>(stand_in)];  // it comes before the point
        }
        ++point;
    }
    if (without.kept.size() == hashes.size()) return std::nullopt;
    without.stand_ins = std::move(stand_ins);
    return without;
}

template std::optional<WithoutCopies> leave_out_copies(DenseView<const float>, Size, Threads);
template std::optional<WithoutCopies> leave_out_copies(DenseView<const double>, Size, Threads);

}  // namespace cellweave
