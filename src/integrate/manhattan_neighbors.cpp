#include "integrate/manhattan_neighbors.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace cellweave {

namespace {
constexpr Size tile_size = 128;  // 16 kB of codes of 100 coordinates: half of the first cache
constexpr Size scan_size = 32;
constexpr std::uint32_t anything = std::numeric_limits<std::uint32_t>::max() / 8;
}  // namespace

/// What may still be among the nearest of one point.
class ManhattanSearch::Shortlist {
public:
    Shortlist(Size n_neighbors, std::uint32_t slack)
        : n_neighbors_(static_cast<std::size_t>(n_neighbors)), slack_(slack) {
        nearest_.reserve(n_neighbors_);
    }

    /// Takes what is close enough of one tile of points. Most of them are not: 32 are passed over at a time.
    void scan(const std::uint32_t* distances, const std::uint32_t* error, Size count, Size first_index) {
        for (Size begin = 0; begin < count; begin += scan_size) {
            const Size n = std::min(scan_size, count - begin);
            if (n == scan_size) {
                // Negative where a distance is within the cutoff: one sign bit tells for all.
                std::int32_t signs = 0;
                const auto limit = static_cast<std::int32_t>(cutoff_) + 1;
                for (Size r = begin; r < begin + scan_size; ++r)
                    signs |= static_cast<std::int32_t>(distances[r]) - (static_cast<std::int32_t>(error[r]) + limit);
                if (signs >= 0) continue;
            }
            for (Size r = begin; r < begin + n; ++r) {
                if (distances[r] <= cutoff_ + error[r])
                    add({distances[r], static_cast<std::int32_t>(first_index + r)}, error[r]);
            }
        }
    }

    const std::vector<Candidate>& finish() {
        prune();
        return candidates_;
    }

private:
    void add(Candidate candidate, std::uint32_t error) {
        candidates_.push_back({candidate.distance > error ? candidate.distance - error : 0, candidate.index});
        const std::uint32_t at_most = candidate.distance + error;
        if (nearest_.size() < n_neighbors_) {
            nearest_.push_back(at_most);
            std::push_heap(nearest_.begin(), nearest_.end());
        } else if (at_most < nearest_.front()) {
            std::pop_heap(nearest_.begin(), nearest_.end());
            nearest_.back() = at_most;
            std::push_heap(nearest_.begin(), nearest_.end());
        }
        if (nearest_.size() == n_neighbors_) cutoff_ = nearest_.front() + slack_;
        if (candidates_.size() >= prune_at_) {
            prune();
            prune_at_ = 2 * candidates_.size() + 8 * n_neighbors_;
        }
    }

    void prune() {
        std::erase_if(candidates_, [&](const Candidate& candidate) { return candidate.distance > cutoff_; });
    }

    std::size_t n_neighbors_;
    std::uint32_t slack_;
    std::uint32_t cutoff_ = anything;
    std::size_t prune_at_ = 1024;
    std::vector<std::uint32_t> nearest_;  // heap of the smallest upper bounds
    std::vector<Candidate> candidates_;   // with lower bounds
};

ManhattanSearch::ManhattanSearch(DenseView<const double> points, const ByteCodes& codes, Size n_neighbors,
                                 bool approximate)
    : points_(points), codes_(codes), n_neighbors_(n_neighbors), approximate_(approximate) {
    // The difference of two coordinates, each rounded evenly within a step, has a variance of 1/6.
    slack_ = static_cast<std::uint32_t>(std::ceil(4.0 * std::sqrt(static_cast<double>(points.n_cols()) / 6.0)));
}

void ManhattanSearch::search(Size first, Size last, Size begin, Size end, std::int64_t* neighbors) const {
    std::vector<Shortlist> shortlists;
    for (Size point = first; point < last; ++point)
        shortlists.emplace_back(n_neighbors_,
                                approximate_ ? slack_ : 2 * codes_.error[static_cast<std::size_t>(point)]);
    const std::vector<std::uint32_t> no_error(static_cast<std::size_t>(tile_size), 0);
    std::uint32_t distances[tile_size];
    for (Size tile = begin; tile < end; tile += tile_size) {
        const Size count = std::min(tile_size, end - tile);
        const std::uint32_t* const error = approximate_ ? no_error.data() : codes_.error.data() + tile;
        for (Size point = first; point < last; ++point) {
            byte_distances(codes_.point(point), codes_, tile, count, distances);
            shortlists[static_cast<std::size_t>(point - first)].scan(distances, error, count, tile);
        }
    }
    for (Size point = first; point < last; ++point)
        rank(point, shortlists[static_cast<std::size_t>(point - first)].finish(),
             neighbors + (point - first) * n_neighbors_);
}

double ManhattanSearch::exact_distance(Size a, Size b) const {
    const double* const x = points_.row_data(a);
    const double* const y = points_.row_data(b);
    constexpr Size lanes = 8;
    double sums[lanes] = {};
    Size k = 0;
    for (; k + lanes <= points_.n_cols(); k += lanes)
        for (Size lane = 0; lane < lanes; ++lane) sums[lane] += std::abs(x[k + lane] - y[k + lane]);
    double rest = 0.0;
    for (; k < points_.n_cols(); ++k) rest += std::abs(x[k] - y[k]);
    return ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7])) + rest;
}

void ManhattanSearch::rank(Size point, const std::vector<Candidate>& candidates, std::int64_t* neighbors) const {
    std::vector<std::pair<double, std::int64_t>> ranked;
    ranked.reserve(candidates.size());
    for (const Candidate& candidate : candidates)
        ranked.emplace_back(exact_distance(point, candidate.index), candidate.index);
    const auto n_found = std::min(static_cast<std::size_t>(n_neighbors_), ranked.size());
    std::partial_sort(ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(n_found), ranked.end());
    for (std::size_t k = 0; k < static_cast<std::size_t>(n_neighbors_); ++k)
        neighbors[k] = k < n_found ? ranked[k].second : -1;
}

}  // namespace cellweave
