#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
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
            case Metric::manhattan: return score;
            case Metric::euclidean: return std::sqrt(std::max(0.0F, 2 * score + norm * norm));
            default: return std::sqrt(std::max(0.0F, 2 * (1 + score)));
        }
    }

private:
    float margin(float kth_score, float norm) const {
        const float reach = norm + 1.1F * distance(kth_score, norm);
        switch (metric_) {
            case Metric::manhattan: return 4 * unit_ * reach;
            case Metric::euclidean: return 3 * unit_ * reach * reach;
            default: return 4 * unit_;
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
        k_ = static_cast<std::size_t>(k);
        norm_ = norm;
        margin_ = &margin;
        threshold_ = std::numeric_limits<float>::infinity();
        items_.clear();
        if (capacity_ < 2 * k_ + 32) {
            capacity_ = 2 * k_ + 32;
            items_.reserve(capacity_);
        }
    }

    float threshold() const { return threshold_; }

    void push(float score, std::int32_t id) {
        items_.push_back({score, id});
        if (items_.size() >= capacity_) shrink();
    }

    /// Drops what can't be among the k nearest of those offered so far.
    void shrink() {
        if (items_.size() <= k_) return;
        const auto kth = items_.begin() + static_cast<std::ptrdiff_t>(k_) - 1;
        std::nth_element(items_.begin(), kth, items_.end(), [](Candidate a, Candidate b) { return a.score < b.score; });
        threshold_ = std::min(threshold_, margin_->reach(kth->score, norm_));
        std::erase_if(items_, [&](Candidate c) { return !(c.score < threshold_); });
        // Many references at one distance (duplicates): keep them all, the exact ordering chooses.
        if (2 * items_.size() > capacity_ + k_) capacity_ *= 2;
    }

    /// Distance in the prepared space within which the k nearest so far lie; infinite before k were seen.
    float radius() const { return margin_->distance(threshold_, norm_); }

    const std::vector<Candidate>& items() const { return items_; }

private:
    std::size_t k_ = 0;
    std::size_t capacity_ = 0;
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
bool write_nearest(const std::vector<Candidate>& candidates, Size query, bool is_self, const ExactDistance<T>& distance,
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

}  // namespace cellweave
