#include "sparse/select.hpp"

#include <algorithm>
#include <limits>
#include <string>

#include "core/chunks.hpp"
#include "sparse/check.hpp"

namespace cellweave {

namespace {

/// A millisecond or two of copying.
constexpr Size entries_per_chunk = 1 << 19;

template <Index I>
I counted(Size n_entries) {
    require(n_entries <= static_cast<Size>(std::numeric_limits<I>::max()), [&] {
        return "the selection holds " + std::to_string(n_entries) + " entries, too many for 32-bit indices";
    });
    return static_cast<I>(n_entries);
}

}  // namespace

template <class W, Index I>
Size plan_lines(const CompressedView<const W, I>& from, std::span<const Size> lines, std::span<I> indptr) {
    Size n_entries = 0;
    indptr[0] = 0;
    for (std::size_t k = 0; k < lines.size(); ++k) {
        n_entries += from.end(lines[k]) - from.begin(lines[k]);
        indptr[k + 1] = counted<I>(n_entries);
    }
    return n_entries;
}

template <class W, Index I>
void copy_lines(const CompressedView<const W, I>& from, std::span<const Size> lines, std::span<const I> indptr, W* data,
                I* indices, Threads threads) {
    const Size n_lines = static_cast<Size>(lines.size());
    parallel_for(n_lines, chunk_of_lines(n_lines, static_cast<Size>(indptr.back()), entries_per_chunk), threads,
                 [&](Range chosen) {
                     for (const Size k : chosen) {
                         const auto line = from.line(lines[static_cast<std::size_t>(k)]);
                         const auto begin = static_cast<Size>(indptr[static_cast<std::size_t>(k)]);
                         require_indices_below(line.indices, from.line_length());
                         std::copy(line.values.begin(), line.values.end(), data + begin);
                         std::copy(line.indices.begin(), line.indices.end(), indices + begin);
                     }
                 });
}

template <class W, Index I>
Size plan_positions(const CompressedView<const W, I>& from, std::span<const I> new_position, std::span<I> indptr,
                    Threads threads) {
    parallel_for(from.n_lines(), chunk_of_lines(from.n_lines(), from.nnz(), entries_per_chunk), threads,
                 [&](Range lines) {
                     for (const Size k : lines) {
                         const auto indices = from.line(k).indices;
                         require_indices_below(indices, from.line_length());
                         Size n_kept = 0;
                         for (const I index : indices) n_kept += new_position[static_cast<std::size_t>(index)] >= 0;
                         indptr[static_cast<std::size_t>(k) + 1] = static_cast<I>(n_kept);
                     }
                 });
    Size n_entries = 0;
    indptr[0] = 0;
    for (std::size_t k = 1; k < indptr.size(); ++k) {
        n_entries += static_cast<Size>(indptr[k]);
        indptr[k] = static_cast<I>(n_entries);
    }
    return n_entries;
}

template <class W, Index I>
void copy_positions(const CompressedView<const W, I>& from, std::span<const I> new_position, std::span<const I> indptr,
                    W* data, I* indices, Threads threads) {
    parallel_for(from.n_lines(), chunk_of_lines(from.n_lines(), from.nnz(), entries_per_chunk), threads,
                 [&](Range lines) {
                     for (const Size k : lines) {
                         const auto line = from.line(k);
                         auto out = static_cast<Size>(indptr[static_cast<std::size_t>(k)]);
                         const auto end = static_cast<Size>(indptr[static_cast<std::size_t>(k) + 1]);
                         // Every entry is written where the next kept one belongs, and stays if it is kept itself: no
                         // branch to mispredict. The bound on `out` keeps the last of these writes within the line.
                         for (std::size_t entry = 0; out < end; ++entry) {
                             const I position = new_position[static_cast<std::size_t>(line.indices[entry])];
                             data[out] = line.values[entry];
                             indices[out] = position;
                             out += position >= 0;
                         }
                     }
                 });
}

#define CELLWEAVE_INSTANTIATE(W, I)                                                                                   \
    template Size plan_lines<W, I>(const CompressedView<const W, I>&, std::span<const Size>, std::span<I>);           \
    template void copy_lines<W, I>(const CompressedView<const W, I>&, std::span<const Size>, std::span<const I>, W*,  \
                                   I*, Threads);                                                                      \
    template Size plan_positions<W, I>(const CompressedView<const W, I>&, std::span<const I>, std::span<I>, Threads); \
    template void copy_positions<W, I>(const CompressedView<const W, I>&, std::span<const I>, std::span<const I>, W*, \
                                       I*, Threads);
#define CELLWEAVE_INSTANTIATE_ALL(W)       \
    CELLWEAVE_INSTANTIATE(W, std::int32_t) \
    CELLWEAVE_INSTANTIATE(W, std::int64_t)
CELLWEAVE_INSTANTIATE_ALL(std::uint8_t)
CELLWEAVE_INSTANTIATE_ALL(std::uint16_t)
CELLWEAVE_INSTANTIATE_ALL(std::uint32_t)
CELLWEAVE_INSTANTIATE_ALL(std::uint64_t)
#undef CELLWEAVE_INSTANTIATE_ALL
#undef CELLWEAVE_INSTANTIATE

}  // namespace cellweave
