#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
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

struct Candidate {
    float score;
    std::int32_t id;
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
        reserve(2 * k + 48);
    }

    float threshold() const { return threshold_; }

    void offer(const float* scores, const std::int32_t* ids, int n) {
        if (size_ + n > static_cast<Size>(items_.size())) shrink_to_fit(n);
        // Without branches: which lanes pass is as good as random.
        Candidate* const items = items_.data();
        Size size = size_;
        for (int lane = 0; lane < n; ++lane) {
            items[size] = {scores[lane], ids[lane]};
            size += scores[lane] < threshold_ ? 1 : 0;
        }
        size_ = size;
    }

    /// Drops what can't be among the k nearest of those offered so far.
    void shrink() {
        if (size_ <= k_) return;
        const auto begin = items_.begin();
        const auto end = begin + size_;
        const auto kth = begin + (k_ - 1);
        std::nth_element(begin, kth, end, [](Candidate a, Candidate b) { return a.score < b.score; });
        threshold_ = std::min(threshold_, margin_->reach(kth->score, norm_));
        size_ = std::remove_if(kth + 1, end, [&](Candidate c) { return !(c.score < threshold_); }) - begin;
    }

    /// Drops what can't be among the k nearest if that is worth it: lowers the threshold for what comes next.
    void tighten() {
        if (size_ > k_ + k_ / 2) shrink();
    }

    /// Distance in the prepared space within which the k nearest so far lie; infinite before k were seen.
    float radius() const { return margin_->distance(threshold_, norm_); }

    std::span<const Candidate> items() const { return {items_.data(), static_cast<std::size_t>(size_)}; }

private:
    void reserve(Size capacity) {
        if (static_cast<Size>(items_.size()) < capacity) items_.resize(static_cast<std::size_t>(capacity));
    }

    void shrink_to_fit(int n) {
        shrink();
        // Many references at one distance (duplicates) are all kept, the exact ordering chooses: make room for them.
        if (2 * (size_ - k_) > static_cast<Size>(items_.size()) - k_ - n) reserve(2 * size_ + n);
    }

    Size k_ = 0;
    Size size_ = 0;
    float norm_ = 0;
    float threshold_ = 0;
    const ScoreMargin* margin_ = nullptr;
    std::vector<Candidate> items_;
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
bool write_nearest(std::span<const Candidate> candidates, Size query, bool is_self, const ExactDistance<T>& distance,
                   std::vector<RankedNeighbor>& ranked, std::span<std::int32_t> indices, std::span<D> distances) {
    ranked.clear();
    for (const Candidate candidate : candidates) {
        if (is_self && candidate.id == query) continue;
        ranked.push_back({distance(query, candidate.id), candidate.id});
    }
    const std::size_t first = is_self ? 1 : 0;
    const std::size_t wanted = indices.size() - first;
    if (ranked.size() < wanted) return false;
    std::partial_sort(ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(wanted), ranked.end());
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
inline std::vector<Candidate> all_candidates(Size n) {
    std::vector<Candidate> all(static_cast<std::size_t>(n));
    for (Size k = 0; k < n; ++k) all[static_cast<std::size_t>(k)] = {0.0F, static_cast<std::int32_t>(k)};
    return all;
}

}  // namespace cellweave
