#pragma once
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "sparse/graph.hpp"

namespace cellweave {

/// Adds up weights by community: a small hash table that is emptied in the time of what it holds. For the usual vertex
/// with some twenty edges it stays in the first-level cache, which an array over all communities would not.
class NeighborWeights {
public:
    struct Slot {
        Vertex community = none;
        double weight = 0;
    };
    static constexpr Vertex none = -1;

    NeighborWeights() : slots_(64) { used_.reserve(64); }

    void clear() {
        for (const std::uint32_t slot : used_) slots_[slot].community = none;
        used_.clear();
    }
    void add(Vertex community, double weight) {
        Slot& slot = find(community);
        if (slot.community == community) {
            slot.weight += weight;
            return;
        }
        slot = {community, weight};
        used_.push_back(static_cast<std::uint32_t>(&slot - slots_.data()));
        if (2 * used_.size() > slots_.size()) grow();
    }
    /// 0 for a community that was never added.
    double of(Vertex community) {
        const Slot& slot = find(community);
        return slot.community == community ? slot.weight : 0.0;
    }

    std::size_t size() const { return used_.size(); }
    /// The k-th community, in the order of first addition.
    const Slot& operator[](std::size_t k) const { return slots_[used_[k]]; }

private:
    Slot& find(Vertex community) {
        const std::size_t mask = slots_.size() - 1;
        // Fibonacci hashing: the high bits of the product are well mixed.
        auto position = static_cast<std::size_t>((static_cast<std::uint32_t>(community) * 0x9e3779b1U) >> shift_);
        while (slots_[position].community != community && slots_[position].community != none)
            position = (position + 1) & mask;
        return slots_[position];
    }
    void grow() {
        std::vector<Slot> old(2 * slots_.size());
        std::swap(old, slots_);
        --shift_;
        for (std::uint32_t& slot : used_) {
            Slot& to = find(old[slot].community);
            to = old[slot];
            slot = static_cast<std::uint32_t>(&to - slots_.data());
        }
    }

    std::vector<Slot> slots_;
    std::vector<std::uint32_t> used_;
    int shift_ = 32 - 6;
};

}  // namespace cellweave
