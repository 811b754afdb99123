#pragma once
#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "core/chunks.hpp"
#include "core/fetch.hpp"
#include "core/growing_buffer.hpp"
#include "core/parallel.hpp"
#include "core/views.hpp"
#include "rank/radix_sort.hpp"

/// The entries of a matrix gene by gene, whatever its layout. A layout tells how many genes to take at a time
/// (`grain`), how many entries one of them has at most (`capacity`), and visits those of such a chunk of genes
/// (`each`).
namespace cellweave::gene_entries {

/// Entries that are taken out of a matrix at a time.
constexpr Size entries_at_once = Size{1} << 21;

template <class T, class I>
class ByRows {
public:
    ByRows(CsrView<const T, I> cells, Threads threads)
        : cells_(cells),
          genes_per_cut_(genes_at_once(cells)),
          n_cuts_((cells.n_cols() + genes_per_cut_ - 1) / genes_per_cut_ + 1),
          cuts_(n_cuts_ * cells.n_rows()),
          counts_(count_and_cut(threads)) {}

    Grain grain() const { return {genes_per_cut_}; }
    Size capacity(Size gene) const { return counts_[static_cast<std::size_t>(gene)]; }

    template <class Visit>
    void each(Range genes, Visit&& visit) const {
        const Size cut = genes.begin_item / genes_per_cut_;
        for (Size cell = 0; cell < cells_.n_rows(); ++cell) {
            const Size begin = place(cut, cell);
            const Size next = place(cut, std::min(cell + 1, cells_.n_rows() - 1));
            each_while_fetching(
                place(cut + 1, cell) - begin,
                [&](Size k) { visit(static_cast<Size>(cells_.indices()[begin + k]), cell, cells_.data()[begin + k]); },
                cells_.indices() + next, cells_.data() + next);
        }
    }

private:
    using Counts = std::vector<Size>;

    /// Enough genes for each row to give a few cache lines of its entries.
    static Size genes_at_once(const CsrView<const T, I>& cells) {
        constexpr Size per_row = 32;
        return chunk_of_lines(cells.n_cols(), cells.nnz(), std::max(entries_at_once, per_row * cells.n_rows())).size;
    }

    /// Where the entries of a row begin that belong to the genes from a cut on.
    Size place(Size cut, Size cell) const {
        return cells_.begin(cell) + static_cast<Size>(cuts_[cut * cells_.n_rows() + cell]);
    }

    Counts count_and_cut(Threads threads) {
        const Grain grain = chunk_of_lines(cells_.n_rows(), cells_.nnz(), entries_at_once, cells_.n_cols());
        const auto of_rows = [&](Range rows) {
            Counts counts(static_cast<std::size_t>(cells_.n_cols()));
            for (const Size cell : rows) {
                const auto indices = cells_.row(cell).indices;
                for (const I gene : indices) ++counts[static_cast<std::size_t>(gene)];
                for (Size cut = 0; cut < n_cuts_; ++cut) {
                    const auto first = std::ranges::lower_bound(indices, cut * genes_per_cut_, {},
                                                                [](I gene) { return static_cast<Size>(gene); });
                    cuts_[cut * cells_.n_rows() + cell] = static_cast<std::uint32_t>(first - indices.begin());
                }
            }
            return counts;
        };
        Counts counts = parallel_reduce(cells_.n_rows(), grain, threads, of_rows, [](Counts& all, Counts&& more) {
            for (std::size_t gene = 0; gene < all.size(); ++gene) all[gene] += more[gene];
        });
        counts.resize(static_cast<std::size_t>(cells_.n_cols()));  // if there is no row
        return counts;
    }

    CsrView<const T, I> cells_;
    Size genes_per_cut_;
    Size n_cuts_;
    GrowingBuffer<std::uint32_t> cuts_;  // n_cuts x n_rows: places within a row
    Counts counts_;
};

template <class T, class I>
class ByColumns {
public:
    ByColumns(CscView<const T, I> cells, Threads) : cells_(cells) {}

    Grain grain() const { return chunk_of_lines(cells_.n_cols(), cells_.nnz(), entries_at_once); }
    Size capacity(Size gene) const { return cells_.end(gene) - cells_.begin(gene); }

    template <class Visit>
    void each(Range genes, Visit&& visit) const {
        for (const Size gene : genes) {
            for (Size k = cells_.begin(gene); k < cells_.end(gene); ++k)
                visit(gene, static_cast<Size>(cells_.indices()[k]), cells_.data()[k]);
        }
    }

private:
    CscView<const T, I> cells_;
};

template <class T>
class Dense {
public:
    Dense(DenseView<const T> cells, Threads) : cells_(cells) {}

    Grain grain() const { return chunk_of_lines(cells_.n_cols(), cells_.n_rows() * cells_.n_cols(), entries_at_once); }
    Size capacity(Size) const { return cells_.n_rows(); }

    template <class Visit>
    void each(Range genes, Visit&& visit) const {
        for (Size cell = 0; cell < cells_.n_rows(); ++cell)
            for (const Size gene : genes) visit(gene, cell, cells_(cell, gene));
    }

private:
    DenseView<const T> cells_;
};

template <class T, class I>
ByRows<T, I> of(CsrView<const T, I> cells, Threads threads) {
    return {cells, threads};
}
template <class T, class I>
ByColumns<T, I> of(CscView<const T, I> cells, Threads threads) {
    return {cells, threads};
}
template <class T>
Dense<T> of(DenseView<const T> cells, Threads threads) {
    return {cells, threads};
}

/// The entries of a chunk of genes, apart.
template <Real T>
class Gathered {
public:
    using Entry = GeneEntry<T>;

    template <class Layout>
    Gathered(const Layout& layout, Range genes) : first_gene_(genes.begin_item) {
        Size total = 0;
        for (const Size gene : genes) {
            begins_.push_back(total);
            total += layout.capacity(gene);
        }
        ends_ = begins_;
        entries_.resize(total);
    }

    void add(Size gene, T value, std::int32_t group) { entries_[ends_[index(gene)]++] = {key_of(value), group}; }

    std::span<Entry> of(Size gene) {
        const Size begin = begins_[index(gene)];
        return {entries_.data() + begin, static_cast<std::size_t>(ends_[index(gene)] - begin)};
    }

private:
    std::size_t index(Size gene) const { return static_cast<std::size_t>(gene - first_gene_); }

    Size first_gene_;
    std::vector<Size> begins_;
    std::vector<Size> ends_;
    GrowingBuffer<Entry> entries_;
};

}  // namespace cellweave::gene_entries
