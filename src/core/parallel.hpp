#pragma once
#include <algorithm>
#include <cassert>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/types.hpp"

namespace cellweave {

/// How many threads a call may use. It changes the time, never the result.
struct Threads {
    int count = 1;
};

/// How many items make a chunk. Chunk bounds follow from the problem alone, so results are the same bytes for every
/// thread count. Aim at 0.1 to 10 ms a chunk: that hides the hand-out cost and lets Ctrl-C through.
struct Grain {
    Size size;

    /// The grain that cuts `n` items into at most `n_parts` chunks; for reductions whose partial results are large.
    static Grain parts(Size n, Size n_parts) { return {std::max<Size>(1, (n + n_parts - 1) / n_parts)}; }
};

/// Items [begin, end) of a loop; iterates over its item numbers.
struct Range {
    Size begin_item;
    Size end_item;

    struct Iterator {
        Size item;
        Size operator*() const { return item; }
        Iterator& operator++() {
            ++item;
            return *this;
        }
        bool operator!=(const Iterator& other) const { return item != other.item; }
    };
    Iterator begin() const { return {begin_item}; }
    Iterator end() const { return {end_item}; }
    Size size() const { return end_item - begin_item; }
};

namespace detail {

/// A reference to a callable, without allocation.
class ChunkBody {
public:
    template <class Body>
    requires(!std::is_same_v<Body, ChunkBody>) explicit ChunkBody(Body& body)
        : object_(&body), call_([](void* object, Size chunk) { (*static_cast<Body*>(object))(chunk); }) {}
    void operator()(Size chunk) const { call_(object_, chunk); }

private:
    void* object_;
    void (*call_)(void*, Size);
};

/// Which chunks are taken first.
enum class Order {
    apart,   ///< each thread begins with a stretch of its own: see Shares
    rising,  ///< the lowest: few partial results wait for those before them
};

/// Runs body(0) ... body(n_chunks - 1) on up to `threads` threads. The first exception (lowest chunk) is rethrown.
void run_chunks(Size n_chunks, Threads threads, Order order, ChunkBody body);

inline Size count_chunks(Size n, Grain grain) {
    assert(grain.size > 0);
    return (n + grain.size - 1) / grain.size;
}

inline Range chunk_range(Size chunk, Size n, Grain grain) {
    return {chunk * grain.size, std::min(n, (chunk + 1) * grain.size)};
}

}  // namespace detail

/// Calls `body(Range)` for consecutive chunks of [0, n), in parallel, in no particular order.
///
/// Exceptions cross the loop (the one of the lowest chunk wins), and so does Ctrl-C: the calling thread polls the
/// Monitor between its chunks. Inside another parallel loop it runs on the calling thread alone.
template <class Body>
void parallel_for(Size n, Grain grain, Threads threads, Body&& body) {
    auto run = [&](Size chunk) { body(detail::chunk_range(chunk, n, grain)); };
    detail::run_chunks(detail::count_chunks(n, grain), threads, detail::Order::apart, detail::ChunkBody(run));
}

/// Computes `partial(Range)` for every chunk of [0, n) in parallel and folds the results into one with
/// `merge(Partial& into, Partial&& next)`, strictly in chunk order. Returns `Partial{}` when n is 0.
///
/// About 2 x threads partials live at a time; more while a chunk takes much longer than those after it.
template <class PartialFn, class MergeFn>
auto parallel_reduce(Size n, Grain grain, Threads threads, PartialFn&& partial, MergeFn&& merge) {
    using Partial = std::invoke_result_t<PartialFn&, Range>;
    const Size n_chunks = detail::count_chunks(n, grain);
    std::vector<std::optional<Partial>> waiting(static_cast<std::size_t>(n_chunks));
    std::optional<Partial> total;
    Size next = 0;
    std::mutex mutex;
    auto run = [&](Size chunk) {
        std::optional<Partial> mine(partial(detail::chunk_range(chunk, n, grain)));
        const std::lock_guard lock(mutex);
        waiting[static_cast<std::size_t>(chunk)] = std::move(mine);
        for (; next < n_chunks && waiting[static_cast<std::size_t>(next)]; ++next) {
            auto& ready = waiting[static_cast<std::size_t>(next)];
            if (total) {
                merge(*total, std::move(*ready));
            } else {
                total = std::move(ready);
            }
            ready.reset();
        }
    };
    detail::run_chunks(n_chunks, threads, detail::Order::rising, detail::ChunkBody(run));
    return total ? std::move(*total) : Partial{};
}

}  // namespace cellweave
