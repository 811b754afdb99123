#include "integrate/manhattan_neighbors.hpp"

#include <atomic>
#include <cmath>
#include <limits>
#include <memory>
#include <mutex>
#include <utility>

#include "core/monitor.hpp"
#include "integrate/byte_codes.hpp"

namespace cellweave {

namespace {

constexpr Size tile_size = 128;  // 16 kB of codes of 100 coordinates: half of the first cache
constexpr Size scan_size = 16;
constexpr std::uint32_t anything = std::numeric_limits<std::uint32_t>::max() / 8;

struct Candidate {
    std::uint32_t at_least;  // bounds of its distance, up to the error of the point that searches
    std::uint32_t at_most;
    std::int32_t point;
};

/// What may still be among the nearest of one point.
class Shortlist {
public:
    /// Distances up to this, beside the other point's error, may belong to a neighbour.
    std::uint32_t cutoff() const { return cutoff_; }

    /// Takes another point, which is within the cutoff. The cutoff follows now and then: that is cheaper than a heap.
    void add(std::uint32_t distance, std::uint32_t error, Size point, std::size_t n_neighbors, std::uint32_t slack) {
        candidates_.push_back(
            {distance > error ? distance - error : 0, distance + error, static_cast<std::int32_t>(point)});
        if (candidates_.size() < prune_at_) return;
        prune(n_neighbors, slack);
        prune_at_ = std::max(candidates_.size() + candidates_.size() / 2, candidates_.size() + 2 * n_neighbors);
    }

    /// The candidates that are left; the list is empty afterwards.
    std::vector<Candidate> finish(std::size_t n_neighbors, std::uint32_t slack) {
        prune(n_neighbors, slack);
        return std::move(candidates_);
    }

private:
    void prune(std::size_t n_neighbors, std::uint32_t slack) {
        if (candidates_.size() <= n_neighbors) return;
        const auto last = candidates_.begin() + static_cast<std::ptrdiff_t>(n_neighbors) - 1;
        std::ranges::nth_element(candidates_, last, {}, &Candidate::at_most);
        cutoff_ = last->at_most + slack;
        std::erase_if(candidates_, [&](const Candidate& candidate) { return candidate.at_least > cutoff_; });
    }

    std::uint32_t cutoff_ = anything;
    std::size_t prune_at_ = 64;
    std::vector<Candidate> candidates_;
};

/// The search in progress.
class Search {
public:
    Search(DenseView<const double> points, std::span<const std::int64_t> offsets, const MatchOptions& options,
           Threads threads)
        : points_(points),
          offsets_(offsets),
          n_neighbors_(static_cast<std::size_t>(options.n_neighbors)),
          codes_(byte_codes(points, threads)),
          error_(codes_.error),
          slack_(codes_.error),
          earlier_(codes_.error.size()),
          cutoffs_(codes_.error.size()),
          locks_(std::make_unique<std::mutex[]>(codes_.error.size() / tile_size + 1)),
          found_{NeighborLists(points.n_rows(), options.n_neighbors),
                 NeighborLists(points.n_rows(), options.n_neighbors)} {
        if (options.approximate) {
            // The difference of two coordinates, each rounded evenly within a step, has a variance of 1/6.
            const double deviation = std::sqrt(static_cast<double>(points.n_cols()) / 6.0);
            std::ranges::fill(error_, 0);
            std::ranges::fill(slack_, static_cast<std::uint32_t>(std::ceil(4.0 * deviation)));
        } else {
            for (std::uint32_t& slack : slack_) slack *= 2;
        }
        for (auto& cutoff : cutoffs_) cutoff.store(anything, std::memory_order_relaxed);
    }

    OtherSetNeighbors run(Threads threads) && {
        constexpr Size block_size = 64;
        std::vector<Block> blocks;
        for (std::size_t set = 0; set + 1 < offsets_.size(); ++set)
            for (Size point = offsets_[set]; point < offsets_[set + 1]; point += block_size)
                blocks.push_back({{point, std::min(point + block_size, offsets_[set + 1])}, offsets_[set + 1]});
        Progress stage("Matching cells", points_.n_rows());
        parallel_for(static_cast<Size>(blocks.size()), Grain{1}, threads, [&](Range range) {
            for (const Size b : range) {
                const Block& block = blocks[static_cast<std::size_t>(b)];
                scan_later(block);
                stage.advance(block.points.size());
            }
        });
        parallel_for(points_.n_rows(), Grain{64}, threads, [&](Range points) {
            for (const Size point : points)
                rank(point, finish(point, earlier_[static_cast<std::size_t>(point)]), found_.earlier.of(point));
        });
        return std::move(found_);
    }

private:
    /// Some points of one set, and where the later sets begin.
    struct Block {
        Range points;
        Size later;
    };

    /// Compares the points of a block with all points of later sets, on behalf of both.
    void scan_later(const Block& block) {
        std::vector<Shortlist> later(static_cast<std::size_t>(block.points.size()));
        // Tiles begin at multiples of their size: each has its lock.
        for (Size begin = block.later; begin < points_.n_rows();) {
            const Size end = std::min((begin / tile_size + 1) * tile_size, points_.n_rows());
            scan_tile(block.points, {begin, end}, later);
            begin = end;
        }
        for (const Size point : block.points)
            rank(point, finish(point, later[static_cast<std::size_t>(point - block.points.begin_item)]),
                 found_.later.of(point));
    }

    std::vector<Candidate> finish(Size point, Shortlist& list) const {
        return list.finish(n_neighbors_, slack_[static_cast<std::size_t>(point)]);
    }

    struct Hit {
        Size point;
        Size other;
        std::uint32_t distance;
    };

    void scan_tile(Range points, Range tile, std::vector<Shortlist>& later) {
        std::uint32_t distances[tile_size];
        std::uint32_t cutoffs[tile_size];
        const Size count = tile.size();
        // A cutoff that another thread lowers meanwhile only lets more through, which is looked at again.
        for (Size r = 0; r < count; ++r)
            cutoffs[r] = cutoffs_[static_cast<std::size_t>(tile.begin_item + r)].load(std::memory_order_relaxed);
        const std::uint32_t* const errors = error_.data() + tile.begin_item;
        std::vector<Hit> hits;
        for (const Size point : points) {
            const std::uint32_t error = error_[static_cast<std::size_t>(point)];
            const std::uint32_t slack = slack_[static_cast<std::size_t>(point)];
            Shortlist& mine = later[static_cast<std::size_t>(point - points.begin_item)];
            byte_distances(codes_.point(point), codes_, tile.begin_item, count, distances);
            for (Size first = 0; first < count; first += scan_size) {
                const Size last = std::min(first + scan_size, count);
                if (!any_within(distances, errors, cutoffs, {first, last}, mine.cutoff(), error)) continue;
                for (Size r = first; r < last; ++r) {
                    const Size other = tile.begin_item + r;
                    if (distances[r] <= mine.cutoff() + errors[r])
                        mine.add(distances[r], errors[r], other, n_neighbors_, slack);
                    if (distances[r] <= cutoffs[r] + error) hits.push_back({point, other, distances[r]});
                }
            }
        }
        if (hits.empty()) return;
        const std::lock_guard lock(locks_[static_cast<std::size_t>(tile.begin_item / tile_size)]);
        for (const Hit& hit : hits) {
            const auto other = static_cast<std::size_t>(hit.other);
            if (hit.distance > earlier_[other].cutoff() + error_[static_cast<std::size_t>(hit.point)]) continue;
            earlier_[other].add(hit.distance, error_[static_cast<std::size_t>(hit.point)], hit.point, n_neighbors_,
                                slack_[other]);
            cutoffs_[other].store(earlier_[other].cutoff(), std::memory_order_relaxed);
        }
    }

    /// Is any of the distances of interest to either point? Most are not: the whole range is passed over at once.
    static bool any_within(const std::uint32_t* distances, const std::uint32_t* errors, const std::uint32_t* cutoffs,
                           Range range, std::uint32_t cutoff, std::uint32_t error) {
        // Negative where a distance is within the cutoff: one sign bit tells for all.
        std::int32_t signs = 0;
        for (Size r = range.begin_item; r < range.end_item; ++r) {
            const std::uint32_t mine = cutoff + errors[r];
            const std::uint32_t others = cutoffs[r] + error;
            signs |= static_cast<std::int32_t>(distances[r]) - static_cast<std::int32_t>(std::max(mine, others)) - 1;
        }
        return signs < 0;
    }

    /// Sorted numbers of the nearest points; -1 first where there are fewer.
    void rank(Size point, const std::vector<Candidate>& candidates, std::span<std::int64_t> neighbors) const {
        std::vector<std::pair<double, std::int64_t>> ranked;
        ranked.reserve(candidates.size());
        for (const Candidate& candidate : candidates)
            ranked.emplace_back(exact_distance(point, candidate.point), candidate.point);
        const std::size_t n_found = std::min(n_neighbors_, ranked.size());
        std::ranges::nth_element(ranked, ranked.begin() + static_cast<std::ptrdiff_t>(n_found));
        for (std::size_t k = 0; k < n_found; ++k) neighbors[k] = ranked[k].second;
        std::ranges::sort(neighbors);
    }

    double exact_distance(Size a, Size b) const {
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

    DenseView<const double> points_;
    std::span<const std::int64_t> offsets_;
    std::size_t n_neighbors_;
    ByteCodes codes_;
    std::vector<std::uint32_t> error_;  // what rounding may add to or take from a distance
    std::vector<std::uint32_t> slack_;  // how far beyond the last neighbour candidates are kept
    std::vector<Shortlist> earlier_;
    std::vector<std::atomic<std::uint32_t>> cutoffs_;  // of `earlier_`, to be read without its lock
    std::unique_ptr<std::mutex[]> locks_;              // of `earlier_`, a tile each
    OtherSetNeighbors found_;
};

}  // namespace

OtherSetNeighbors neighbors_in_other_sets(DenseView<const double> points, std::span<const std::int64_t> offsets,
                                          const MatchOptions& options, Threads threads) {
    return Search(points, offsets, options, threads).run(threads);
}

}  // namespace cellweave
