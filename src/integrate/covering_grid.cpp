#include "integrate/covering_grid.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "core/error.hpp"

namespace cellweave {

namespace {

constexpr Grain points_per_chunk{4096};

/// From this number of intervals on, a feature is sorted once and then searched.
constexpr std::size_t many_intervals = 48;

std::size_t at(Size k) {
    return static_cast<std::size_t>(k);
}

/// The points moved to start at 0 and scaled to a largest value of 1, feature by feature in memory. Features are
/// copied when they are first cut: those narrower than any box never are.
template <Real T>
class ScaledPoints {
public:
    ScaledPoints(DenseView<const T> points, Threads threads)
        : points_(points),
          n_points_(points.n_rows()),
          n_features_(points.n_cols()),
          columns_(at(n_features_)),
          widths_(at(n_features_)),
          sorted_(at(n_features_)) {
        auto [low, high] = bounds(points, threads);
        T largest = 0;
        for (Size f = 0; f < n_features_; ++f) largest = std::max(largest, high[at(f)] - low[at(f)]);
        // Identical points: all stay at 0, where geosketch divides 0 by 0.
        scale_ = largest > 0 ? largest : 1;
        for (Size f = 0; f < n_features_; ++f) widths_[at(f)] = (high[at(f)] - low[at(f)]) / scale_;
        low_ = std::move(low);
    }

    /// Makes feature() usable for these features.
    void load(const std::vector<Size>& features, Threads threads) {
        std::vector<Size> missing;
        for (const Size f : features) {
            if (!columns_[at(f)]) {
                columns_[at(f)] = std::make_unique_for_overwrite<T[]>(at(n_points_));
                missing.push_back(f);
            }
        }
        if (missing.empty()) return;
        constexpr Size tile = 32;
        parallel_for(n_points_, points_per_chunk, threads, [&](Range chunk) {
            for (Size begin = chunk.begin_item; begin < chunk.end_item; begin += tile) {
                const Size end = std::min(begin + tile, chunk.end_item);
                for (const Size f : missing) {
                    T* const column = columns_[at(f)].get();
                    for (Size p = begin; p < end; ++p) column[p] = (points_(p, f) - low_[at(f)]) / scale_;
                }
            }
        });
    }

    Size n_points() const { return n_points_; }
    Size n_features() const { return n_features_; }
    const T* feature(Size f) const { return columns_[at(f)].get(); }
    T width(Size f) const { return widths_[at(f)]; }
    T largest_width() const { return *std::max_element(widths_.begin(), widths_.end()); }

    /// Upper ends of the intervals of `length` along a feature, but the last: a value v lies in the interval whose
    /// number is the count of ends below v.
    std::vector<T> interval_ends(Size f, T length) {
        std::vector<T> ends;
        T start = 0;
        while (ends.size() < many_intervals) {
            const T end = start + length;
            start = smallest_above(f, end);
            if (start == none) return ends;
            ends.push_back(end);
        }
        return continue_sorted(f, length, start, std::move(ends));
    }

private:
    static constexpr T none = std::numeric_limits<T>::infinity();

    struct Bounds {
        std::vector<T> low, high;
    };

    Bounds bounds(DenseView<const T> points, Threads threads) const {
        return parallel_reduce(
            n_points_, points_per_chunk, threads,
            [&](Range chunk) {
                const auto first = points.row(chunk.begin_item);
                Bounds found{{first.begin(), first.end()}, {first.begin(), first.end()}};
                for (const Size p : chunk) {
                    const T* const row = points.row_data(p);
                    for (std::size_t f = 0; f < found.low.size(); ++f) {
                        found.low[f] = std::min(found.low[f], row[f]);
                        found.high[f] = std::max(found.high[f], row[f]);
                    }
                }
                return found;
            },
            [](Bounds& into, Bounds&& next) {
                for (std::size_t f = 0; f < into.low.size(); ++f) {
                    into.low[f] = std::min(into.low[f], next.low[f]);
                    into.high[f] = std::max(into.high[f], next.high[f]);
                }
            });
    }

    /// The smallest value of a feature that is larger than `end`, or `none`.
    T smallest_above(Size f, T end) const {
        constexpr Size lanes = 16;  // independent minima, which the compiler may vectorise without reordering
        const T* const column = feature(f);
        T best[lanes];
        std::fill_n(best, lanes, none);
        Size p = 0;
        for (; p + lanes <= n_points_; p += lanes) {
            for (Size lane = 0; lane < lanes; ++lane) {
                const T value = column[p + lane] > end ? column[p + lane] : none;
                best[lane] = value < best[lane] ? value : best[lane];
            }
        }
        for (; p < n_points_; ++p) {
            if (column[p] > end && column[p] < best[0]) best[0] = column[p];
        }
        return *std::min_element(best, best + lanes);
    }

    std::vector<T> continue_sorted(Size f, T length, T start, std::vector<T> ends) {
        auto& sorted = sorted_[at(f)];
        if (sorted.empty()) {
            sorted.assign(feature(f), feature(f) + n_points_);
            std::sort(sorted.begin(), sorted.end());
        }
        auto position = sorted.cbegin();
        for (;;) {
            const T end = start + length;
            position = std::upper_bound(position, sorted.cend(), end);
            if (position == sorted.cend()) return ends;
            ends.push_back(end);
            start = *position;
        }
    }

    DenseView<const T> points_;
    Size n_points_;
    Size n_features_;
    std::vector<std::unique_ptr<T[]>> columns_;
    std::vector<T> low_;
    T scale_ = 1;
    std::vector<T> widths_;
    std::vector<std::vector<T>> sorted_;
};

template <Real T>
std::uint64_t interval_of(T value, const std::vector<T>& ends) {
    return static_cast<std::uint64_t>(std::lower_bound(ends.begin(), ends.end(), value) - ends.begin());
}

/// keys = keys * n_intervals + interval, for one feature and a chunk of points.
template <Real T>
void append_interval(const T* values, const std::vector<T>& ends, Size n, std::uint64_t* keys) {
    const std::uint64_t radix = ends.size() + 1;
    if (ends.size() > many_intervals) {
        for (Size k = 0; k < n; ++k) keys[k] = keys[k] * radix + interval_of(values[k], ends);
        return;
    }
    for (Size k = 0; k < n; ++k) keys[k] *= radix;
    for (const T end : ends) {
        for (Size k = 0; k < n; ++k) keys[k] += values[k] > end ? 1 : 0;
    }
}

/// Numbers distinct keys in the order of their first appearance. Open addressing, linear probing.
class KeyNumbers {
public:
    KeyNumbers() { rehash(1 << 12); }

    std::int32_t number(std::uint64_t key) {
        if (2 * (numbers_used_ + 1) > slots_.size()) rehash(2 * slots_.size());
        Slot& slot = find(key);
        if (slot.number < 0) slot = {key, static_cast<std::int32_t>(numbers_used_++)};
        return slot.number;
    }

    Size size() const { return static_cast<Size>(numbers_used_); }

private:
    struct Slot {
        std::uint64_t key = 0;
        std::int32_t number = -1;
    };

    Slot& find(std::uint64_t key) {
        // Fibonacci hashing: the top bits of a product with 2^64 / golden ratio.
        for (std::size_t k = (key * 0x9e3779b97f4a7c15ULL) >> shift_;; k = (k + 1) & (slots_.size() - 1)) {
            if (slots_[k].number < 0 || slots_[k].key == key) return slots_[k];
        }
    }

    void rehash(std::size_t size) {
        std::vector<Slot> old(size);
        old.swap(slots_);
        shift_ = 64 - std::countr_zero(size);
        for (const Slot& slot : old) {
            if (slot.number >= 0) find(slot.key) = slot;
        }
    }

    std::vector<Slot> slots_;
    std::size_t numbers_used_ = 0;
    int shift_ = 0;
};

/// A feature that is wider than a box, and where its intervals end.
template <Real T>
struct CutFeature {
    Size feature;
    std::vector<T> ends;

    std::uint64_t n_intervals() const { return ends.size() + 1; }
};

/// The boxes of one side length.
template <Real T>
class Boxes {
public:
    Boxes(ScaledPoints<T>& points, Threads threads)
        : points_(points), threads_(threads), keys_(at(points.n_points())), box_of_point_(at(points.n_points())) {}

    void cover(T length) {
        cut(length);
        std::fill(box_of_point_.begin(), box_of_point_.end(), 0);
        n_boxes_ = 1;
        // Keys are exact: features are appended digit by digit for as long as the number fits 63 bits, then the
        // distinct keys are numbered and the numbers carry on as the first digit.
        for (std::size_t first = 0; first < cut_.size();) {
            std::uint64_t radix = static_cast<std::uint64_t>(n_boxes_);
            std::size_t last = first;
            while (last < cut_.size() && radix <= (std::uint64_t{1} << 63) / cut_[last].n_intervals()) {
                radix *= cut_[last++].n_intervals();
            }
            append(first, last);
            number_keys();
            first = last;
        }
    }

    Size n_boxes() const { return n_boxes_; }
    std::vector<std::int32_t>&& take_box_of_point() { return std::move(box_of_point_); }

    std::vector<std::int32_t> intervals() const {
        std::vector<std::int32_t> found(at(n_boxes_ * points_.n_features()), 0);
        std::int32_t next = 0;
        for (Size p = 0; p < points_.n_points() && next < n_boxes_; ++p) {
            if (box_of_point_[at(p)] != next) continue;
            for (const auto& [feature, ends] : cut_) {
                found[at(next * points_.n_features() + feature)] =
                    static_cast<std::int32_t>(interval_of(points_.feature(feature)[p], ends));
            }
            ++next;
        }
        return found;
    }

private:
    void cut(T length) {
        std::vector<Size> wide;
        for (Size f = 0; f < points_.n_features(); ++f) {
            if (points_.width(f) > length) wide.push_back(f);
        }
        points_.load(wide, threads_);
        cut_.clear();
        for (const Size f : wide) cut_.push_back({f, {}});
        parallel_for(static_cast<Size>(cut_.size()), Grain{1}, threads_, [&](Range chunk) {
            for (const Size k : chunk) cut_[at(k)].ends = points_.interval_ends(cut_[at(k)].feature, length);
        });
    }

    void append(std::size_t first, std::size_t last) {
        parallel_for(points_.n_points(), points_per_chunk, threads_, [&](Range chunk) {
            std::uint64_t* const keys = keys_.data() + chunk.begin_item;
            std::copy_n(box_of_point_.data() + chunk.begin_item, chunk.size(), keys);
            for (std::size_t k = first; k < last; ++k) {
                append_interval(points_.feature(cut_[k].feature) + chunk.begin_item, cut_[k].ends, chunk.size(), keys);
            }
        });
    }

    void number_keys() {
        KeyNumbers numbers;
        parallel_for(points_.n_points(), points_per_chunk, Threads{1}, [&](Range chunk) {
            for (const Size p : chunk) box_of_point_[at(p)] = numbers.number(keys_[at(p)]);
        });
        n_boxes_ = numbers.size();
    }

    ScaledPoints<T>& points_;
    Threads threads_;
    std::vector<CutFeature<T>> cut_;
    std::vector<std::uint64_t> keys_;
    std::vector<std::int32_t> box_of_point_;
    Size n_boxes_ = 1;
};

void check(Size n_points, Size n_features, const CoveringGridOptions& options) {
    require(n_points > 0 && n_features > 0, "points: there are " + std::to_string(n_points) + " points and " +
                                                std::to_string(n_features) + " features; need at least one of each");
    require(n_points <= std::numeric_limits<std::int32_t>::max(), "points: at most 2^31 - 1 points can be covered");
    require(options.n_boxes >= 1, "cannot draw " + std::to_string(options.n_boxes) + " covering boxes");
    require(options.tolerance >= 0, "tolerance must be at least 0, found " + std::to_string(options.tolerance));
    require(options.max_iterations >= 1,
            "max_iterations must be at least 1, found " + std::to_string(options.max_iterations));
}

}  // namespace

template <Real T>
CoveringGrid covering_grid(DenseView<const T> points, const CoveringGridOptions& options, Threads threads) {
    check(points.n_rows(), points.n_cols(), options);
    const double aim = static_cast<double>(options.n_boxes);
    CoveringGrid grid;
    ScaledPoints<T> scaled(points, threads);
    Boxes<T> boxes(scaled, threads);

    T low = 0;
    T high = scaled.largest_width();
    T length = (low + high) / 4;
    for (Size k = 0; k < options.max_iterations; ++k) {
        boxes.cover(length);
        grid.steps.push_back({static_cast<double>(length), boxes.n_boxes()});
        const double found = static_cast<double>(boxes.n_boxes());
        if (found > aim * (1 + options.tolerance)) {
            low = length;
            length = (length + high) / 2;
        } else if (found < aim * (1 - options.tolerance)) {
            high = length;
            length = (length + low) / 2;
        } else {
            grid.converged = true;
            break;
        }
        // geosketch's own end of the search: no length is left to try.
        if (high - low < static_cast<T>(1e-20)) break;
    }
    grid.n_boxes = boxes.n_boxes();
    grid.intervals = boxes.intervals();
    grid.box_of_point = boxes.take_box_of_point();
    return grid;
}

template CoveringGrid covering_grid(DenseView<const float>, const CoveringGridOptions&, Threads);
template CoveringGrid covering_grid(DenseView<const double>, const CoveringGridOptions&, Threads);

}  // namespace cellweave
