#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

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
        size_ = 0;
        norm_ = norm;
        margin_ = &margin;
        threshold_ = std::numeric_limits<float>::infinity();
        reserve(k + k / 2 + 24);
    }

    float threshold() const { return threshold_; }

    void offer(const float* scores, const std::int32_t* ids, int n) {
        if (size_ + n > capacity()) shrink_to_fit(n);
        // Without branches: which lanes pass is as good as random.
        float* const kept_scores = scores_.data();
        std::int32_t* const kept_ids = ids_.data();
        const float threshold = threshold_;
        Size size = size_;
        for (int lane = 0; lane < n; ++lane) {
            kept_scores[size] = scores[lane];
            kept_ids[size] = ids[lane];
            size += scores[lane] < threshold ? 1 : 0;
        }
        size_ = size;
    }

    /// Drops what can't be among the k nearest of those offered so far.
    void shrink() {
        if (size_ <= k_) return;
        const float threshold = std::min(threshold_, margin_->reach(bound_of_kth(), norm_));
        threshold_ = threshold;
        Size size = 0;
        for (Size item = 0; item < size_; ++item) {
            const float score = scores_[static_cast<std::size_t>(item)];
            scores_[static_cast<std::size_t>(size)] = score;
            ids_[static_cast<std::size_t>(size)] = ids_[static_cast<std::size_t>(item)];
            size += score < threshold ? 1 : 0;
        }
        size_ = size;
    }

    /// Drops what can't be among the k nearest if that is worth it: lowers the threshold for what comes next.
    void tighten() {
        if (size_ > k_ + k_ / 2) shrink();
    }

    /// Distance in the prepared space within which the k nearest so far lie; infinite before k were seen.
    float radius() const { return margin_->distance(threshold_, norm_); }

    /// The references, in the order in which they were offered.
    std::span<const std::int32_t> ids() const { return {ids_.data(), static_cast<std::size_t>(size_)}; }

private:
    Size capacity() const { return static_cast<Size>(scores_.size()); }

    void reserve(Size capacity) {
        if (this->capacity() >= capacity) return;
        scores_.resize(static_cast<std::size_t>(capacity));
        ids_.resize(static_cast<std::size_t>(capacity));
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
        for (int round = 0; round < n_rounds; ++round) {
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

    void shrink_to_fit(int n) {
        shrink();
        // Many references at one distance (duplicates) are all kept, the exact ordering chooses: make room for them.
        if (2 * (size_ - k_) > capacity() - k_ - n) reserve(2 * size_ + n);
    }

    Size k_ = 0;
    Size size_ = 0;
    float norm_ = 0;
    float threshold_ = 0;
    const ScoreMargin* margin_ = nullptr;
    std::vector<float> scores_;
    std::vector<std::int32_t> ids_;
};

/// The nearest neighbours of one query, ordered by exact distance and then by index.
struct RankedNeighbor {
    double distance;
    std::int32_t id;

    friend bool operator<(const RankedNeighbor& a, const RankedNeighbor& b) {
        return a.distance < b.distance || (a.distance == b.distance && a.id < b.id);
    }
};

/// Orders the candidates of `query` by exact distance and writes the k nearest.
///
/// @param is_self  the queries are the references: the query itself then comes first, at distance 0.
/// @param ranked   scratch.
/// @return         false if there are fewer than k; nothing is written then.
template <Real T, Real D>
bool write_nearest(std::span<const std::int32_t> candidates, Size query, bool is_self, const ExactDistance<T>& distance,
                   std::vector<RankedNeighbor>& ranked, std::span<std::int32_t> indices, std::span<D> distances) {
    ranked.clear();
    for (const std::int32_t candidate : candidates) distance.fetch(candidate);
    for (const std::int32_t candidate : candidates) {
        if (is_self && candidate == query) continue;
        ranked.push_back({distance(query, candidate), candidate});
    }
    const std::size_t first = is_self ? 1 : 0;
    const std::size_t wanted = indices.size() - first;
    if (ranked.size() < wanted) return false;
    const auto end = ranked.begin() + static_cast<std::ptrdiff_t>(wanted);
    if (end != ranked.end()) std::nth_element(ranked.begin(), end, ranked.end());
    std::sort(ranked.begin(), end);
    if (is_self) {
        indices[0] = static_cast<std::int32_t>(query);
        distances[0] = 0;
    }
    for (std::size_t j = 0; j < wanted; ++j) {
        indices[first + j] = ranked[j].id;
        distances[first + j] = static_cast<D>(ranked[j].distance);
    }
    return true;
}

/// Every reference as a candidate: the way out when float32 cannot hold the query (it lies astronomically far away).
inline std::vector<std::int32_t> all_candidates(Size n) {
    std::vector<std::int32_t> all(static_cast<std::size_t>(n));
    std::iota(all.begin(), all.end(), 0);
    return all;
}

}  // namespace cellweave
