#pragma once
#include <cstdint>
#include <vector>

#include "sparse/graph.hpp"

namespace cellweave {

/// Adds up weights by community: a hash table that is emptied in no time. For the usual vertex with some twenty edges
/// it stays in the first-level cache, which an array over all communities would not. add() has no branch on whether a
/// community is new, which the processor would guess wrong as often as not.
class NeighborWeights {
public:
    struct Entry {
        Vertex community;
        double weight;
    };

    NeighborWeights() { make_room(9); }

    void clear() {
        round_ += std::uint64_t{1} << 32;
        n_ = 0;
    }

    void add(Vertex community, double weight) {
        const std::uint64_t key = key_of(community);
        const std::uint32_t place = find(key);
        Slot& slot = slots_[place];
        const bool is_known = slot.key == key;
        slot = {key, static_cast<double>(is_known) * slot.weight + weight};
        used_[n_] = place;
        n_ += is_known ? 0 : 1;
        if (n_ == used_.size()) grow();
    }

    /// 0 for a community that was never added.
    double of(Vertex community) const {
        const std::uint64_t key = key_of(community);
        const Slot& slot = slots_[find(key)];
        return slot.key == key ? slot.weight : 0.0;
    }

    std::size_t size() const { return n_; }
    /// The k-th community, in the order of first addition.
    Entry operator[](std::size_t k) const {
        const Slot& slot = slots_[used_[k]];
        return {static_cast<Vertex>(slot.key), slot.weight};
    }

private:
    struct Slot {
        std::uint64_t key = 0;  ///< see key_of(); one of an earlier round: the slot is free
        double weight = 0;
    };

    /// The round in the high half, the community in the low one: one comparison tells both.
    std::uint64_t key_of(Vertex community) const { return round_ | static_cast<std::uint32_t>(community); }

    /// Where the key is, or the free slot where it belongs.
    std::uint32_t find(std::uint64_t key) const {
        // Fibonacci hashing: the high bits of the product are well mixed.
        std::uint32_t place = (static_cast<std::uint32_t>(key) * 0x9e3779b1U) >> shift_;
        // Taken by another community of this round: the keys differ, in the low half alone.
        while ((slots_[place].key ^ key) - 1 < 0xffffffffU) place = place + 1 == slots_.size() ? 0 : place + 1;
        return place;
    }

    void make_room(int log2_slots) {
        shift_ = 32 - log2_slots;
        slots_.assign(std::size_t{1} << log2_slots, {});
        used_.resize(slots_.size() / 4);
    }

    [[gnu::noinline]] void grow() {
        std::vector<Slot> taken(n_);
        for (std::size_t k = 0; k < n_; ++k) taken[k] = slots_[used_[k]];
        make_room(33 - shift_);
        for (std::size_t k = 0; k < n_; ++k) {
            used_[k] = find(taken[k].key);
            slots_[used_[k]] = taken[k];
        }
    }

    std::vector<Slot> slots_;
    std::vector<std::uint32_t> used_;
    std::size_t n_ = 0;
    std::uint64_t round_ = std::uint64_t{1} << 32;  ///< at most 2^31 visits clear one table
    int shift_ = 0;
};

}  // namespace cellweave
