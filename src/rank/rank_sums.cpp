#include "rank/rank_sums.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "core/monitor.hpp"
#include "rank/gene_entries.hpp"
#include "rank/radix_sort.hpp"

namespace cellweave {

namespace {

/// Who is ranked among whom.
struct Ranked {
    std::span<const std::int32_t> group_of_cell;
    std::vector<Size> sizes;  // of the groups
    Size n_cells;
    std::optional<Size> reference;

    bool includes(std::int32_t group) const { return group >= 0 || !reference; }
};

/// Ranks the cells by one gene after the other. "Others" are those among whom a cell is ranked: all cells or, besides
/// its own group, the reference.
template <Real T>
class GeneRanker {
public:
    using Entry = GeneEntry<T>;

    explicit GeneRanker(const Ranked& ranked) : ranked_(ranked), groups_(ranked.sizes.size()) {}

    /// `entries` are the gene's values other than zero, ascending.
    void rank(std::span<const Entry> entries, Size gene, const RankSums& out) {
        std::ranges::fill(groups_, OfGroup{});
        ties_of_others_ = 0;
        const auto first_positive = std::ranges::lower_bound(entries, key_of(T{0}), {}, &Entry::key);
        const auto n_negative = static_cast<std::size_t>(first_positive - entries.begin());
        n_below_ = 0;
        add_runs(entries.first(n_negative));
        const Size n_below_zero = n_below_;
        const Size n_zeros = ranked_.reference ? size_of(*ranked_.reference) - count_of(entries, *ranked_.reference)
                                               : ranked_.n_cells - static_cast<Size>(entries.size());
        n_below_ += n_zeros;
        add_runs(entries.subspan(n_negative));
        n_below_ = n_below_zero;
        add_zeros(n_zeros);
        finish(gene, out);
    }

private:
    struct OfGroup {
        double precedence = 0;  ///< Others below its cells, and half of those beside them.
        double ties = 0;        ///< What its cells add to the ties of the others.
        Size n_nonzero = 0;
        Size n_in_run = 0;
    };

    /// t^3 - t.
    static double ties_of(Size n_alike) {
        const auto t = static_cast<double>(n_alike);
        return t * t * t - t;
    }

    static Size count_of(std::span<const Entry> entries, Size group) {
        return std::ranges::count(entries, static_cast<std::int32_t>(group), &Entry::group);
    }

    Size size_of(Size group) const { return ranked_.sizes[static_cast<std::size_t>(group)]; }
    OfGroup& group_of(const Entry& entry) { return groups_[static_cast<std::size_t>(entry.group)]; }

    /// Runs of entries that share a value.
    void add_runs(std::span<const Entry> entries) {
        for (std::size_t begin = 0; begin < entries.size();) {
            std::size_t end = begin + 1;
            while (end < entries.size() && entries[end].key == entries[begin].key) ++end;
            add_run(entries.subspan(begin, end - begin));
            begin = end;
        }
    }

    void add_run(std::span<const Entry> run) {
        const Size n_others = ranked_.reference ? count_of(run, *ranked_.reference) : static_cast<Size>(run.size());
        const double precedence = precedence_beside(n_others);
        for (const Entry& entry : run) {
            if (entry.group < 0) continue;
            group_of(entry).precedence += precedence;
            ++group_of(entry).n_nonzero;
        }
        if (run.size() > 1) add_ties(run, n_others);
        n_below_ += n_others;
    }

    void add_ties(std::span<const Entry> run, Size n_others) {
        ties_of_others_ += ties_of(n_others);
        if (!ranked_.reference) return;
        for (const Entry& entry : run) ++group_of(entry).n_in_run;
        for (const Entry& entry : run)
            add_own_ties(group_of(entry), std::exchange(group_of(entry).n_in_run, 0), n_others);
    }

    void add_zeros(Size n_others) {
        const double precedence = precedence_beside(n_others);
        ties_of_others_ += ties_of(n_others);
        for (std::size_t group = 0; group < groups_.size(); ++group) {
            const Size n = ranked_.sizes[group] - groups_[group].n_nonzero;
            groups_[group].precedence += static_cast<double>(n) * precedence;
            if (ranked_.reference) add_own_ties(groups_[group], n, n_others);
        }
    }

    double precedence_beside(Size n_others) const {
        return static_cast<double>(n_below_) + static_cast<double>(n_others) / 2;
    }

    /// What `n` cells of a group add to the ties of the others that they stand beside.
    static void add_own_ties(OfGroup& group, Size n, Size n_others) {
        group.ties += ties_of(n + n_others) - ties_of(n_others);
    }

    /// Besides the others below a cell, its rank counts its place in its own group; where that is among the others
    /// already, the cell itself has counted half.
    void finish(Size gene, const RankSums& out) const {
        for (Size row = 0; row < static_cast<Size>(groups_.size()); ++row) {
            const OfGroup& group = groups_[static_cast<std::size_t>(row)];
            const auto n = static_cast<double>(size_of(row));
            const bool is_reference = ranked_.reference == row;
            const double own = ranked_.reference ? n * (n + 1) / 2 : n / 2;
            out.sums(row, gene) = is_reference ? 0 : group.precedence + own;
            out.ties(row, gene) = is_reference ? 0 : ties_of_others_ + group.ties;
        }
    }

    const Ranked& ranked_;
    std::vector<OfGroup> groups_;
    Size n_below_ = 0;  ///< Others below the values to come.
    double ties_of_others_ = 0;
};

template <Real T, class View>
void rank_sums_of(const View& cells, const CellGroups& groups, std::optional<Size> reference, const RankSums& out,
                  Threads threads) {
    const Ranked ranked{groups.of_cell, group_sizes(groups, cells.n_rows()), cells.n_rows(), reference};
    const auto layout = gene_entries::of(cells, threads);
    Progress stage("Ranking cells", cells.n_cols());
    parallel_for(cells.n_cols(), layout.grain(), threads, [&](Range genes) {
        gene_entries::Gathered<T> entries(layout, genes);
        layout.each(genes, [&](Size gene, Size cell, T value) {
            const std::int32_t group = ranked.group_of_cell[static_cast<std::size_t>(cell)];
            if (value != 0 && ranked.includes(group)) entries.add(gene, value, group);
        });
        RadixSort<T> sorted;
        GeneRanker<T> ranker(ranked);
        for (const Size gene : genes) ranker.rank(sorted(entries.of(gene)), gene, out);
        stage.advance(genes.size());
    });
}

}  // namespace

template <Real T, Index I>
void rank_sums(CsrView<const T, I> cells, const CellGroups& groups, std::optional<Size> reference, const RankSums& out,
               Threads threads) {
    rank_sums_of<T>(cells, groups, reference, out, threads);
}

template <Real T, Index I>
void rank_sums(CscView<const T, I> cells, const CellGroups& groups, std::optional<Size> reference, const RankSums& out,
               Threads threads) {
    rank_sums_of<T>(cells, groups, reference, out, threads);
}

template <Real T>
void rank_sums(DenseView<const T> cells, const CellGroups& groups, std::optional<Size> reference, const RankSums& out,
               Threads threads) {
    rank_sums_of<T>(cells, groups, reference, out, threads);
}

#define CELLWEAVE_INSTANTIATE_SPARSE(T, I)                                                                      \
    template void rank_sums<T, I>(CsrView<const T, I>, const CellGroups&, std::optional<Size>, const RankSums&, \
                                  Threads);                                                                     \
    template void rank_sums<T, I>(CscView<const T, I>, const CellGroups&, std::optional<Size>, const RankSums&, \
                                  Threads);
#define CELLWEAVE_INSTANTIATE(T)                  \
    CELLWEAVE_INSTANTIATE_SPARSE(T, std::int32_t) \
    CELLWEAVE_INSTANTIATE_SPARSE(T, std::int64_t) \
    template void rank_sums<T>(DenseView<const T>, const CellGroups&, std::optional<Size>, const RankSums&, Threads);
CELLWEAVE_INSTANTIATE(float)
CELLWEAVE_INSTANTIATE(double)
#undef CELLWEAVE_INSTANTIATE
#undef CELLWEAVE_INSTANTIATE_SPARSE

}  // namespace cellweave
