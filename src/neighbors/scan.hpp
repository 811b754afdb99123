#pragma once
#include <Eigen/Core>
#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "neighbors/points.hpp"

/// The inner loop of every neighbour search: scores of a few queries against many packed references, in registers.
///
/// A score orders references by distance for one query: |r|^2 / 2 - q.r (euclidean), -q.r (cosine, correlation),
/// sum |q - r| (manhattan). It is one chain of additions over the dimensions whatever tile it falls into, so its bits
/// depend on the pair alone. Scores that reach no candidate list are never written to memory, which a product by
/// Eigen's GEMM would do: that is why this kernel is written out.
namespace cellweave::scan {

using Packet = Eigen::internal::packet_traits<float>::type;
inline constexpr int packet_size = Eigen::internal::packet_traits<float>::size;
/// References side by side in a panel: two vector registers.
inline constexpr int panel_width = 2 * packet_size;
/// Queries that share the loads of a panel; with two registers each they fill the 16 registers of AVX2 and SSE.
inline constexpr int group_size = 6;

/// The panel that each list begins in, and the end of the last, if every list begins a panel of `width` points.
std::vector<Size> first_panels(std::span<const Size> starts, Size width);

/// References in the order they are scanned: panels of `panel_width`, dimension by dimension, a panel's biases first.
class PackedPoints {
public:
    /// Packs the points `order[starts[l]] ... order[starts[l + 1] - 1]` as list l; each list starts a panel.
    PackedPoints(const PreparedPoints& points, Metric metric, std::span<const std::int32_t> order,
                 std::span<const Size> starts, Threads threads);

    Size n_lists() const { return static_cast<Size>(first_panel_.size()) - 1; }
    Size n_dims() const { return n_dims_; }
    Size first_panel(Size list) const { return first_panel_[static_cast<std::size_t>(list)]; }
    const float* panel(Size panel) const { return values_.data() + panel * stride(); }
    const std::int32_t* ids(Size panel) const { return ids_.data() + panel * panel_width; }
    Size stride() const { return (n_dims_ + 1) * panel_width; }

private:
    Size n_dims_;
    std::vector<Size> first_panel_;
    std::vector<float, Eigen::aligned_allocator<float>> values_;
    std::vector<std::int32_t> ids_;
};

namespace detail {

template <bool is_manhattan>
Packet accumulate(const Packet& score, const Packet& query, const Packet& reference) {
    using namespace Eigen::internal;
    if constexpr (is_manhattan) return padd(score, pabs(psub(query, reference)));
    return pnmadd(query, reference, score);
}

/// Scores of a panel for n_queries queries: `tile` is n_queries x panel_width. Returns the queries (bits) that have a
/// score below their threshold.
template <bool is_manhattan, int n_queries>
unsigned score_panel(const float* panel, Size n_dims, const std::array<const float*, n_queries>& rows,
                     const std::array<float, n_queries>& thresholds, float* tile) {
    using namespace Eigen::internal;
    Packet low[n_queries];
    Packet high[n_queries];
    for (int q = 0; q < n_queries; ++q) {
        low[q] = ploadu<Packet>(panel);
        high[q] = ploadu<Packet>(panel + packet_size);
    }
    for (Size k = 0; k < n_dims; ++k) {
        panel += panel_width;
        const Packet reference_low = ploadu<Packet>(panel);
        const Packet reference_high = ploadu<Packet>(panel + packet_size);
        for (int q = 0; q < n_queries; ++q) {
            const Packet query = pset1<Packet>(rows[q][k]);
            low[q] = accumulate<is_manhattan>(low[q], query, reference_low);
            high[q] = accumulate<is_manhattan>(high[q], query, reference_high);
        }
    }
    unsigned below = 0;
    for (int q = 0; q < n_queries; ++q) {
        pstore(tile + q * panel_width, low[q]);
        pstore(tile + q * panel_width + packet_size, high[q]);
        const Packet threshold = pset1<Packet>(thresholds[q]);
        below |= static_cast<unsigned>(predux_any(por(pcmp_lt(low[q], threshold), pcmp_lt(high[q], threshold)))) << q;
    }
    return below;
}

template <bool is_manhattan, int n_queries, class Sink>
void scan_group(const PackedPoints& points, Size first_panel, Size end_panel, const float* const* queries,
                Sink* const* sinks) {
    const Size n_dims = points.n_dims();
    std::array<const float*, n_queries> rows;
    for (int q = 0; q < n_queries; ++q) rows[q] = queries[q];
    alignas(64) float tile[n_queries * panel_width];
    std::array<float, n_queries> thresholds;
    for (int q = 0; q < n_queries; ++q) thresholds[q] = sinks[q]->threshold();
    for (Size panel = first_panel; panel < end_panel; ++panel) {
        unsigned below = score_panel<is_manhattan, n_queries>(points.panel(panel), n_dims, rows, thresholds, tile);
        for (; below != 0; below &= below - 1) {
            const int q = std::countr_zero(below);
            sinks[q]->offer(tile + q * panel_width, points.ids(panel), panel_width);
            thresholds[q] = sinks[q]->threshold();
        }
    }
}

template <bool is_manhattan, class Sink>
void scan_some(const PackedPoints& points, Size first_panel, Size end_panel, const float* const* queries,
               Sink* const* sinks, Size n_queries) {
    static_assert(group_size == 6);
    switch (n_queries) {
        case 1:
            return scan_group<is_manhattan, 1>(points, first_panel, end_panel, queries, sinks);
        case 2:
            return scan_group<is_manhattan, 2>(points, first_panel, end_panel, queries, sinks);
        case 3:
            return scan_group<is_manhattan, 3>(points, first_panel, end_panel, queries, sinks);
        case 4:
            return scan_group<is_manhattan, 4>(points, first_panel, end_panel, queries, sinks);
        case 5:
            return scan_group<is_manhattan, 5>(points, first_panel, end_panel, queries, sinks);
        default:
            return scan_group<is_manhattan, 6>(points, first_panel, end_panel, queries, sinks);
    }
}

}  // namespace detail

/// Offers every reference of panels [first_panel, end_panel) to every query's sink.
///
/// A sink has `float threshold()`, below which it wants to know a score, and `offer(const float* scores, const int32*
/// ids, int n)`, which is told of whole panels. Within a query the references come in the order in which they were
/// packed; empty lanes have score infinity.
///
/// @param queries  n prepared rows of points.n_dims() values.
template <class Sink>
void scan_panels(const PackedPoints& points, Metric metric, Size first_panel, Size end_panel,
                 std::span<const float* const> queries, std::span<Sink* const> sinks) {
    // As many panels at a time as stay in the second-level cache while all queries pass over them.
    constexpr Size cache = 256 * 1024;
    const Size block = std::max<Size>(1, cache / (points.stride() * static_cast<Size>(sizeof(float))));
    const auto n_queries = static_cast<Size>(queries.size());
    for (Size panel = first_panel; panel < end_panel; panel += block) {
        const Size block_end = std::min(end_panel, panel + block);
        for (Size q = 0; q < n_queries; q += group_size) {
            const Size count = std::min<Size>(group_size, n_queries - q);
            if (metric == Metric::manhattan) {
                detail::scan_some<true>(points, panel, block_end, queries.data() + q, sinks.data() + q, count);
            } else {
                detail::scan_some<false>(points, panel, block_end, queries.data() + q, sinks.data() + q, count);
            }
        }
    }
}

}  // namespace cellweave::scan
