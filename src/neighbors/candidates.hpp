#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "core/simd.hpp"
#include "core/sort.hpp"
#include "neighbors/points.hpp"

namespace cellweave {

/// How far a float32 score may lie from the true one, and so how much beyond the k-th best a candidate must be kept
/// for the exact ordering that follows to miss none.
///
/// Higham (2002), section 3.1: a chain of n sums and products errs by at most n u / (1 - n u) times the sum of the
/// absolute terms, u = 2^-24. That sum is bounded by the length of the query and its distance to the k-th neighbour,
/// since a reference as near as that is not longer than both together. Rounding the coordinates adds a few u.
class ScoreMargin {
public:
    ScoreMargin(Metric metric, Size n_dims)
        : metric_(metric), unit_(1.05F * static_cast<float>(n_dims + 8) * 0x1.0p-24F) {}

    /// The score below which references may belong to the k nearest, given the k-th best score and the query's norm.
    float reach(float kth_score, float norm) const {
        return std::nextafter(kth_score + margin(kth_score, norm) + 1e-30F, std::numeric_limits<float>::infinity());
    }

    /// Distance in the prepared space that a score means.
    float distance(float score, float norm) const {
        switch (metric_) {
            case Metric::manhattan:
                return score;
            case Metric::euclidean:
                return std::sqrt(std::max(0.0F, 2 * score + norm * norm));
            default:
                return std::sqrt(std::max(0.0F, 2 * (1 + score)));
        }
    }

private:
    float margin(float kth_score, float norm) const {
        const float reach = norm + 1.1F * distance(kth_score, norm);
        switch (metric_) {
            case Metric::manhattan:
                return 4 * unit_ * reach;
            case Metric::euclidean:
                return 3 * unit_ * reach * reach;
            default:
                return 4 * unit_;
        }
    }

    Metric metric_;
    float unit_;
};

/// The references that may be among the k nearest of one query: a sink of scan_panels().
class CandidateList {
public:
    /// Forgets everything and starts with a query of length `norm`.
    void start(Size k, float norm, const ScoreMargin& margin) {
        k_ = k;
        size_ = kept_ = 0;
        norm_ = norm;
        margin_ = &margin;
        bound_ = threshold_ = std::numeric_limits<float>::infinity();
        error_ = error_of_kept_ = 0;
        reserve(k + k / 2 + 40);
    }

    float threshold() const { return threshold_; }

    /// From here on scores may err by this much, besides the rounding of float32.
    void allow(float error) {
        error_ = error;
        threshold_ = bound_ + error_;
    }

    void offer(const float* scores, const std::int32_t* ids, int n) {
        if (size_ + n > capacity()) make_room(n);
        error_of_kept_ = std::max(error_of_kept_, error_);
        append_below(threshold_, scores, ids, n);
    }

    /// Drops what can't be among the k nearest of those offered so far.
    void shrink() {
        if (size_ <= k_) return;
        bound_ = std::min(bound_, margin_->reach(bound_of_kth(), norm_));
        threshold_ = bound_ + error_;
        const Size n = std::exchange(size_, 0);
        append_below(bound_ + error_of_kept_, scores_.data(), ids_.data(), n);
        kept_ = size_;
    }

    /// Drops what can't be among the k nearest if that is worth it: lowers the threshold for what comes next. Where
    /// many more than k had to be kept last time, as many references lie at one distance, it waits for a quarter more.
    void tighten() {
        if (size_ > std::max(k_ + k_ / 2, kept_ + kept_ / 4 - k_)) shrink();
    }

    /// Distance in the prepared space within which the k nearest so far lie; infinite before k were seen.
    float radius() const { return margin_->distance(bound_, norm_); }

    /// The references, in the order in which they were offered.
    std::span<const std::int32_t> ids() const { return {ids_.data(), static_cast<std::size_t>(size_)}; }

private:
    Size capacity() const { return static_cast<Size>(scores_.size()); }

    void reserve(Size wanted) {
        if (capacity() >= wanted) return;
        scores_.resize(static_cast<std::size_t>(wanted));
        ids_.resize(static_cast<std::size_t>(wanted));
    }

    /// Appends those of n items whose score is below `threshold`; the items may be the list's own, from its beginning.
    void append_below(float threshold, const float* scores, const std::int32_t* ids, Size n) {
        size_ += keep_below(threshold, scores, ids, n, scores_.data() + size_, ids_.data() + size_);
    }

    /// A score that at least k and hardly more than k of the scores do not exceed, by bisection: counting runs through
    /// vector registers, where a partial sort would wait for unforeseeable branches.
    float bound_of_kth() const {
        const std::span<const float> scores(scores_.data(), static_cast<std::size_t>(size_));
        float low = scores[0];
        float high = scores[0];
        for (const float score : scores) {
            low = std::min(low, score);
            high = std::max(high, score);
        }
        const Size enough = k_ + k_ / 8;
        constexpr int n_rounds = 24;  // as many as a float has bits; ties end there as well
        for (int round = 0; round < n_rounds && low < high; ++round) {
            const float middle = low + (high - low) / 2;
            std::int32_t count = 0;
            for (const float score : scores) count += score <= middle ? 1 : 0;
            if (count < k_) {
                low = middle;
                continue;
            }
            high = middle;
            if (count <= enough) break;
        }
        return high;
    }

    void make_room(int n) {
        shrink();
        // Many references at one distance (duplicates) are all kept, the exact ordering chooses: make room for them.
        if (2 * (size_ - k_) > capacity() - k_ - n) reserve(2 * size_ + n);
    }

    Size k_ = 0;
    Size size_ = 0;
    Size kept_ = 0;  // by the last shrink()
    float norm_ = 0;
    float bound_ = 0;          // the k-th best score so far, and the rounding of float32
    float error_ = 0;          // of the scores that come next
    float error_of_kept_ = 0;  // the largest among those kept
    float threshold_ = 0;
    const ScoreMargin* margin_ = nullptr;
    std::vector<float> scores_;
    std::vector<std::int32_t> ids_;
};

/// A neighbour of one query: ordered by exact distance and then by index.
struct RankedNeighbor {
    double distance;
    std::int32_t id;

    friend bool operator<(const RankedNeighbor& a, const RankedNeighbor& b) {
        return (a.distance < b.distance) | ((a.distance == b.distance) & (a.id < b.id));
    }
};

/// Orders the candidates of `query` by exact distance and writes the k nearest. If they are fewer than k (float32
/// cannot hold a query that lies astronomically far away), every reference is a candidate.
///
/// @param is_self  the queries are the references: the query itself then comes first, at distance 0.
/// @param ranked   scratch.
template <Real T, Real D>
void write_nearest(std::span<const std::int32_t> candidates, Size query, bool is_self, const ExactDistance<T>& distance,
                   std::vector<RankedNeighbor>& ranked, std::span<std::int32_t> indices, std::span<D> distances) {
    const std::size_t first = is_self ? 1 : 0;
    const std::size_t wanted = indices.size() - first;
    const auto rank = [&](std::int32_t candidate) {
        if (!is_self || candidate != query) ranked.push_back({distance(query, candidate), candidate});
    };
    ranked.clear();
    for (const std::int32_t candidate : candidates) distance.fetch(candidate);
    for (const std::int32_t candidate : candidates) rank(candidate);
    if (ranked.size() < wanted) {
        ranked.clear();
        for (Size reference = 0; reference < distance.n_references(); ++reference)
            rank(static_cast<std::int32_t>(reference));
    }
    if (ranked.size() > few) {
        const auto end = ranked.begin() + static_cast<std::ptrdiff_t>(wanted);
        if (end != ranked.end()) std::nth_element(ranked.begin(), end, ranked.end());
        ranked.resize(wanted);
    }
    sort_few(std::span(ranked));
    if (is_self) {
        indices[0] = static_cast<std::int32_t>(query);
        distances[0] = 0;
    }
    for (std::size_t j = 0; j < wanted; ++j) {
        indices[first + j] = ranked[j].id;
        distances[first + j] = static_cast<D>(ranked[j].distance);
    }
}

}  // namespace cellweave
