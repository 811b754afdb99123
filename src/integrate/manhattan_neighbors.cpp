#include "integrate/manhattan_neighbors.hpp"

#include <atomic>
#include <cmath>
#include <compare>
#include <cstring>
#include <limits>
#include <memory>
#include <mutex>
#include <utility>

#include "core/monitor.hpp"
#include "integrate/byte_codes.hpp"
#include "integrate/first_bounds.hpp"

namespace cellweave {

namespace {

constexpr Size tile_size = 128;  // 16 kB of codes of 100 coordinates: half of the first cache

/// Distances have 16 bits. A bound that does not fit excludes nothing, and its largest value says the same.
std::uint16_t to_16_bits(std::uint32_t bound) {
    return static_cast<std::uint16_t>(std::min<std::uint32_t>(bound, std::numeric_limits<std::uint16_t>::max()));
}

/// A point, and by how much it may be away at most: distance in the upper half, so that candidates sort by it.
class Candidate {
public:
    Candidate(std::uint32_t at_most, Size point)
        : key_(std::uint64_t{at_most} << 32 | static_cast<std::uint32_t>(point)) {}
    std::uint32_t at_most() const { return static_cast<std::uint32_t>(key_ >> 32); }
    std::uint32_t point() const { return static_cast<std::uint32_t>(key_); }
    auto operator<=>(const Candidate&) const = default;

private:
    std::uint64_t key_;
};

/// What may still be among the nearest of one point.
class Shortlist {
public:
    /// @param cutoff  That of the neighbours that a first look has found.
    explicit Shortlist(std::uint32_t cutoff) : cutoff_(cutoff) { candidates_.reserve(prune_at_); }

    /// Distances up to this, beside the other point's error, may belong to a neighbour.
    std::uint32_t cutoff() const { return cutoff_; }

    /// Takes another point, which is within the cutoff. Is the list so long that it should be pruned?
    bool add(std::uint32_t distance, std::uint32_t error, Size point) {
        candidates_.emplace_back(distance + error, point);
        return candidates_.size() >= prune_at_;
    }

    /// Lets the cutoff follow, and those beyond it go. Now and then: that is cheaper than a heap.
    void prune(std::size_t n_neighbors, std::uint32_t slack, std::span<const std::uint32_t> errors) {
        if (candidates_.size() <= n_neighbors) return;
        const auto last = candidates_.begin() + static_cast<std::ptrdiff_t>(n_neighbors) - 1;
        std::ranges::nth_element(candidates_, last);
        cutoff_ = std::min(cutoff_, last->at_most() + slack);
        std::erase_if(candidates_, [&](const Candidate& candidate) {
            return candidate.at_most() > cutoff_ + 2 * errors[candidate.point()];
        });
        prune_at_ = candidates_.size() + std::max(candidates_.size() / 2, n_neighbors);
    }

    std::span<const Candidate> candidates() const { return candidates_; }

private:
    std::uint32_t cutoff_;
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
        const auto bounds = first_bounds(points, offsets, codes_, error_, n_neighbors_, threads);
        for (std::size_t point = 0; point < slack_.size(); ++point) {
            cutoffs_[point].store(bounds.earlier[point] + slack_[point], std::memory_order_relaxed);
            earlier_.emplace_back(bounds.earlier[point] + slack_[point]);
            later_cutoffs_.push_back(bounds.later[point] + slack_[point]);
        }
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
                rank(point, std::move(earlier_[static_cast<std::size_t>(point)]), found_.earlier.of(point));
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
        std::vector<Shortlist> later;
        for (const Size point : block.points) later.emplace_back(later_cutoffs_[static_cast<std::size_t>(point)]);
        std::vector<Hit> hits;
        // Tiles begin at multiples of their size: each has its lock.
        for (Size begin = block.later; begin < points_.n_rows();) {
            const Size end = std::min((begin / tile_size + 1) * tile_size, points_.n_rows());
            scan_tile(block.points, {begin, end}, later, hits);
            begin = end;
        }
        for (const Size point : block.points)
            rank(point, std::move(later[static_cast<std::size_t>(point - block.points.begin_item)]),
                 found_.later.of(point));
    }

    void add(Shortlist& list, Size point, Size other, std::uint32_t distance) const {
        if (list.add(distance, error_[static_cast<std::size_t>(other)], other)) prune(list, point);
    }

    void prune(Shortlist& list, Size point) const {
        list.prune(n_neighbors_, slack_[static_cast<std::size_t>(point)], error_);
    }

    struct Hit {
        Size point;
        Size other;
        std::uint32_t distance;
    };

    /// What the scan of one tile reads and writes for each of its points.
    struct Tile {
        std::uint16_t distances[tile_size];
        std::uint16_t errors[tile_size];
        std::uint16_t cutoffs[tile_size];
        /// Not 0 where a distance is of interest to either point.
        alignas(8) std::uint8_t is_near[tile_size];

        /// Compilers turn this into a few instructions for 32 points.
        void mark_near(std::uint16_t cutoff, std::uint16_t error) {
            for (Size r = 0; r < tile_size; ++r) {
                const auto mine = static_cast<std::uint16_t>(std::max(distances[r], errors[r]) - errors[r]);
                const auto others = static_cast<std::uint16_t>(std::max(distances[r], error) - error);
                is_near[r] = static_cast<std::uint8_t>((mine <= cutoff) | (others <= cutoffs[r]));
            }
        }

        /// Calls f(r) for the points marked below `count`; most are not, and are passed over eight at a time.
        template <class F>
        void for_each_near(Size count, F&& f) const {
            for (Size first = 0; first < count; first += 8) {
                std::uint64_t any;
                std::memcpy(&any, is_near + first, sizeof any);
                if (any == 0) continue;
                const Size last = std::min(first + 8, count);
                for (Size r = first; r < last; ++r)
                    if (is_near[r]) f(r);
            }
        }
    };

    void scan_tile(Range points, Range range, std::vector<Shortlist>& later, std::vector<Hit>& hits) {
        Tile tile{};
        const Size count = range.size();
        for (Size r = 0; r < count; ++r) {
            const auto other = static_cast<std::size_t>(range.begin_item + r);
            tile.errors[r] = to_16_bits(error_[other]);
            // A cutoff that another thread lowers meanwhile only lets more through, which is looked at again.
            tile.cutoffs[r] = to_16_bits(cutoffs_[other].load(std::memory_order_relaxed));
        }
        hits.clear();
        for (const Size point : points) {
            const std::uint32_t error = error_[static_cast<std::size_t>(point)];
            Shortlist& mine = later[static_cast<std::size_t>(point - points.begin_item)];
            byte_distances(codes_.point(point), codes_, range.begin_item, count, tile.distances);
            tile.mark_near(to_16_bits(mine.cutoff()), to_16_bits(error));
            tile.for_each_near(count, [&](Size r) {
                const Size other = range.begin_item + r;
                const std::uint32_t distance = tile.distances[r];
                const std::uint32_t others_error = error_[static_cast<std::size_t>(other)];
                if (distance <= mine.cutoff() + others_error) add(mine, point, other, distance);
                if (distance <= tile.cutoffs[r] + error) hits.push_back({point, other, distance});
            });
        }
        if (hits.empty()) return;
        const std::lock_guard lock(locks_[static_cast<std::size_t>(range.begin_item / tile_size)]);
        for (const Hit& hit : hits) {
            const auto other = static_cast<std::size_t>(hit.other);
            if (hit.distance > earlier_[other].cutoff() + error_[static_cast<std::size_t>(hit.point)]) continue;
            add(earlier_[other], hit.other, hit.point, hit.distance);
            cutoffs_[other].store(earlier_[other].cutoff(), std::memory_order_relaxed);
        }
    }

    /// Sorted numbers of the nearest points; -1 first where there are fewer.
    void rank(Size point, Shortlist list, std::span<std::int64_t> neighbors) const {
        prune(list, point);
        const auto candidates = list.candidates();
        std::vector<std::pair<double, std::int64_t>> ranked;
        ranked.reserve(candidates.size());
        for (const Candidate& candidate : candidates)
            ranked.emplace_back(exact_distance(point, candidate.point()), candidate.point());
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
    std::vector<std::uint32_t> error_;          // what rounding may add to or take from a distance
    std::vector<std::uint32_t> slack_;          // how far beyond the last neighbour candidates are kept
    std::vector<std::uint32_t> later_cutoffs_;  // with which the search among later sets begins
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
