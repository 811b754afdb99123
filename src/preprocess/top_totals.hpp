#pragma once
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "core/simd.hpp"
#include "core/types.hpp"

namespace cellweave {

/// Sums of the largest values of one cell after another. Keeps its scratch between cells.
class TopTotals {
public:
    /// @param ranks  rising, each at least 1.
    explicit TopTotals(std::span<const Size> ranks) : ranks_(ranks), bins_(lanes * (n_bins + 1), 0) {}

    /// Largest sums of whole numbers from 0 to 65,535, by a histogram of those above 1, which are the fewer.
    ///
    /// Small counts repeat so much that one table would wait for its own last write: four take turns. The few counts
    /// too large for a table are sorted.
    void of_small_counts(std::span<const std::int32_t> counts, std::span<double> out) {
        Walk walk(ranks_, out);
        if (kept_.size() < counts.size()) kept_.resize(2 * counts.size());
        const auto n_kept = keep_above(1, counts.data(), static_cast<Size>(counts.size()), kept_.data());
        const auto kept = std::span(kept_).first(static_cast<std::size_t>(n_kept));
        take_large(kept, walk);
        std::uint32_t* const bins = bins_.data();
        const std::size_t in_turns = kept.size() / lanes * lanes;
        for (std::size_t k = 0; k < in_turns; k += lanes)
            for (std::size_t lane = 0; lane < lanes; ++lane)
                ++bins[static_cast<std::size_t>(kept[k + lane]) * lanes + lane];
        for (std::size_t k = in_turns; k < kept.size(); ++k) ++bins[static_cast<std::size_t>(kept[k]) * lanes];
        for (std::size_t count = n_bins - 1; count > 1 && !walk.is_done(); --count) {
            const auto bin = bins_.begin() + static_cast<std::ptrdiff_t>(count * lanes);
            walk.take(static_cast<double>(count), std::accumulate(bin, bin + lanes, Size{0}));
        }
        if (!walk.is_done()) walk.take(1, std::ranges::count(counts, 1));
        walk.finish();
        std::ranges::fill(bins_, 0U);
    }

    /// Largest sums of any numbers, by partial sorting; `n_absent` further entries are zeros. NaN gives NaN.
    template <class T>
    void of_values(std::span<const T> values, Size n_absent, std::span<double> out) {
        if constexpr (std::is_floating_point_v<T>) {
            if (std::any_of(values.begin(), values.end(), [](T value) { return std::isnan(value); })) {
                std::fill(out.begin(), out.end(), std::numeric_limits<double>::quiet_NaN());
                return;
            }
        }
        std::vector<T> sorted(values.begin(), values.end());
        const auto n_wanted = std::min<std::size_t>(sorted.size(), static_cast<std::size_t>(ranks_.back()));
        const auto end_of_top = sorted.begin() + static_cast<std::ptrdiff_t>(n_wanted);
        if (n_wanted < sorted.size()) std::nth_element(sorted.begin(), end_of_top, sorted.end(), std::greater<>());
        std::sort(sorted.begin(), end_of_top, std::greater<>());
        Walk walk(ranks_, out);
        std::size_t k = 0;
        for (; k < n_wanted && sorted[k] >= T{0}; ++k) walk.take(static_cast<double>(sorted[k]), 1);
        walk.take(0.0, n_absent);
        for (; k < n_wanted && !walk.is_done(); ++k) walk.take(static_cast<double>(sorted[k]), 1);
        walk.finish();
    }

private:
    static constexpr std::int32_t n_bins = 64;
    static constexpr std::size_t lanes = 4;

    /// Goes down the values from the largest and notes the sum at each rank.
    class Walk {
    public:
        Walk(std::span<const Size> ranks, std::span<double> out) : ranks_(ranks), out_(out) {}
        bool is_done() const { return next_ == ranks_.size(); }
        void take(double value, Size times) {
            for (; !is_done() && n_taken_ + times >= ranks_[next_]; ++next_)
                out_[next_] = total_ + value * static_cast<double>(ranks_[next_] - n_taken_);
            n_taken_ += times;
            total_ += value * static_cast<double>(times);
        }
        void finish() {
            for (; !is_done(); ++next_) out_[next_] = total_;
        }

    private:
        std::span<const Size> ranks_;
        std::span<double> out_;
        std::size_t next_ = 0;
        Size n_taken_ = 0;
        double total_ = 0;
    };

    /// Takes the counts that have no bin of their own, and puts all of these into the one behind.
    void take_large(std::span<std::int32_t> counts, Walk& walk) {
        if (large_.size() < counts.size()) large_.resize(2 * counts.size());
        const auto n = static_cast<Size>(counts.size());
        const auto large = std::span(large_).first(
            static_cast<std::size_t>(keep_above(n_bins - 1, std::as_const(counts).data(), n, large_.data())));
        std::ranges::sort(large, std::greater<>());
        for (const std::int32_t count : large) walk.take(count, 1);
        for (std::int32_t& count : counts) count = std::min(count, n_bins);
    }

    std::span<const Size> ranks_;
    std::vector<std::uint32_t> bins_;
    std::vector<std::int32_t> kept_;
    std::vector<std::int32_t> large_;
};

}  // namespace cellweave
