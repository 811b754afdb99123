#include "integrate/stack_normalized.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

namespace cellweave {

namespace {
constexpr Grain cells_a_chunk{1024};

/// Sorts the entries of one cell after another by gene.
template <Index J, Real Out>
class GeneOrder {
public:
    using Entries = std::vector<std::pair<J, Out>>;

    explicit GeneOrder(Size n_genes)
        : values_(static_cast<std::size_t>(n_genes)), present_(static_cast<std::size_t>(n_genes / word_size + 1)) {}

    void sort(Entries& entries) {
        if (!put(entries)) {
            std::ranges::stable_sort(entries, {}, [](const auto& entry) { return entry.first; });
            return;
        }
        auto out = entries.begin();
        for (std::size_t word = 0; word < present_.size(); ++word) {
            for (std::uint64_t& bits = present_[word]; bits != 0; bits &= bits - 1) {
                const auto gene = word * word_size + static_cast<std::size_t>(std::countr_zero(bits));
                *out++ = {static_cast<J>(gene), values_[gene]};
            }
        }
    }

private:
    static constexpr Size word_size = 64;

    /// Every value to the place of its gene; none, and false, if a gene comes twice.
    bool put(const Entries& entries) {
        for (const auto& [gene, value] : entries) {
            std::uint64_t& word = present_[static_cast<std::size_t>(gene / word_size)];
            const std::uint64_t bit = std::uint64_t{1} << (gene % word_size);
            if ((word & bit) != 0) {
                std::ranges::fill(present_, 0);
                return false;
            }
            word |= bit;
            values_[static_cast<std::size_t>(gene)] = value;
        }
        return true;
    }

    std::vector<Out> values_;
    std::vector<std::uint64_t> present_;
};

}  // namespace

template <Number T, Index I, Index J>
void count_chosen(CsrView<const T, I> counts, std::span<const std::int64_t> new_gene, std::span<J> indptr,
                  Threads threads) {
    parallel_for(counts.n_rows(), cells_a_chunk, threads, [&](Range cells) {
        for (const Size cell : cells) {
            Size n_chosen = 0;
            for (const I gene : counts.row(cell).indices) n_chosen += new_gene[static_cast<std::size_t>(gene)] >= 0;
            indptr[static_cast<std::size_t>(cell) + 1] = static_cast<J>(n_chosen);
        }
    });
    for (std::size_t cell = 0; cell + 1 < indptr.size(); ++cell) indptr[cell + 1] += indptr[cell];
}

template <Number T, Index I, Real Out, Index J>
void take_chosen(CsrView<const T, I> counts, std::span<const std::int64_t> new_gene, std::span<const J> indptr,
                 bool normalize, std::span<Out> values, std::span<J> genes, Threads threads) {
    const Size n_genes = 1 + std::accumulate(new_gene.begin(), new_gene.end(), std::int64_t{-1},
                                             [](auto a, auto b) { return std::max(a, b); });
    parallel_for(counts.n_rows(), cells_a_chunk, threads, [&](Range cells) {
        GeneOrder<J, Out> order(n_genes);
        std::vector<std::pair<J, Out>> chosen;
        for (const Size cell : cells) {
            const auto row = counts.row(cell);
            chosen.clear();
            double square = 0.0;
            bool rises = true;
            for (std::size_t k = 0; k < row.indices.size(); ++k) {
                const Size place = new_gene[static_cast<std::size_t>(row.indices[k])];
                if (place < 0) continue;
                const auto gene = static_cast<J>(place);
                rises = rises && (chosen.empty() || chosen.back().first < gene);
                chosen.emplace_back(gene, static_cast<Out>(row.values[k]));
                square += static_cast<double>(row.values[k]) * static_cast<double>(row.values[k]);
            }
            if (!rises) order.sort(chosen);
            const double length = normalize && square > 0.0 ? std::sqrt(square) : 1.0;
            auto to = static_cast<std::size_t>(indptr[static_cast<std::size_t>(cell)]);
            for (const auto& [gene, value] : chosen) {
                genes[to] = gene;
                values[to++] = static_cast<Out>(static_cast<double>(value) / length);
            }
        }
    });
}

#define CELLWEAVE_TAKE(T, I, Out, J)                                                                        \
    template void take_chosen(CsrView<const T, I>, std::span<const std::int64_t>, std::span<const J>, bool, \
                              std::span<Out>, std::span<J>, Threads);
#define CELLWEAVE_CHOOSE(T, I, J)                                                                          \
    template void count_chosen(CsrView<const T, I>, std::span<const std::int64_t>, std::span<J>, Threads); \
    CELLWEAVE_TAKE(T, I, float, J)                                                                         \
    CELLWEAVE_TAKE(T, I, double, J)
#define CELLWEAVE_VALUES(I, J)           \
    CELLWEAVE_CHOOSE(float, I, J)        \
    CELLWEAVE_CHOOSE(double, I, J)       \
    CELLWEAVE_CHOOSE(std::int32_t, I, J) \
    CELLWEAVE_CHOOSE(std::int64_t, I, J)
CELLWEAVE_VALUES(std::int32_t, std::int32_t)
CELLWEAVE_VALUES(std::int32_t, std::int64_t)
CELLWEAVE_VALUES(std::int64_t, std::int32_t)
CELLWEAVE_VALUES(std::int64_t, std::int64_t)
#undef CELLWEAVE_VALUES
#undef CELLWEAVE_CHOOSE
#undef CELLWEAVE_TAKE

}  // namespace cellweave
