#pragma once
#include <atomic>
#include <optional>
#include <vector>

#include "core/types.hpp"

namespace cellweave::detail {

/// Chunks that are still to be run, in one stretch for each thread or in one for all. A thread takes them from the
/// front of its own stretch, rising, and when that is empty from the back of another's.
///
/// So threads stay apart. Two that fill neighbouring chunks of fresh memory both wait for the page between them, or
/// both clear it (2 MB, where pages are large), and pass cache lines to and fro.
class Shares {
public:
    Shares(Size n_chunks, int n_shares) : shares_(static_cast<std::size_t>(n_shares)) {
        for (int k = 0; k < n_shares; ++k) {
            Share& share = shares_[static_cast<std::size_t>(k)];
            share.begin = n_chunks * k / n_shares;
            share.end = n_chunks * (k + 1) / n_shares;
        }
    }

    /// The next chunk for a thread; none when all have been taken.
    std::optional<Size> take(int thread) {
        const auto own = static_cast<std::size_t>(thread) % shares_.size();
        if (const auto chunk = shares_[own].take_front()) return chunk;
        for (std::size_t k = 1; k < shares_.size(); ++k)
            if (const auto chunk = shares_[(own + k) % shares_.size()].take_back()) return chunk;
        return std::nullopt;
    }

private:
    /// Chunks [begin, end). Whoever is admitted finds one: as many are taken from both ends together as there are.
    struct alignas(64) Share {
        Size begin = 0;
        Size end = 0;
        std::atomic<Size> n_admitted{0};
        std::atomic<Size> n_from_front{0};
        std::atomic<Size> n_from_back{0};

        bool admits() {
            const Size size = end - begin;
            return n_admitted.load(std::memory_order_relaxed) < size &&
                   n_admitted.fetch_add(1, std::memory_order_relaxed) < size;
        }
        std::optional<Size> take_front() {
            if (!admits()) return std::nullopt;
            return begin + n_from_front.fetch_add(1, std::memory_order_relaxed);
        }
        std::optional<Size> take_back() {
            if (!admits()) return std::nullopt;
            return end - 1 - n_from_back.fetch_add(1, std::memory_order_relaxed);
        }
    };

    std::vector<Share> shares_;
};

}  // namespace cellweave::detail
