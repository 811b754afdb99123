#include "preprocess/qc.hpp"

#include <algorithm>
#include <bit>
#include <type_traits>

#include "core/chunks.hpp"
#include "core/fetch.hpp"
#include "preprocess/top_totals.hpp"
#include "sparse/check.hpp"

namespace cellweave {

namespace {

constexpr Size entries_per_chunk = 1 << 20;

/// What a chunk of cells, or several, adds to the genes.
struct GeneTotals {
    std::vector<double> totals;
    std::vector<std::int64_t> n_cells;
};

void add(GeneTotals& into, GeneTotals&& next) {
    for (std::size_t gene = 0; gene < into.totals.size(); ++gene) {
        into.totals[gene] += next.totals[gene];
        into.n_cells[gene] += next.n_cells[gene];
    }
}

/// What some rows of counts below 65,536 add to the genes, and which genes belong to a set: one word a gene.
///
/// Each row passes over these words, which stay in the second-level cache: the smaller they are, the less moves.
class GeneWords {
public:
    /// @param in_any_set  not zero for the genes that found() is to know.
    explicit GeneWords(std::span<const std::uint8_t> in_any_set) {
        for (const std::uint8_t is_member : in_any_set) words_.push_back(is_member != 0 ? mark : 0);
    }

    /// Adds a row that holds no gene twice, and keeps the entries of marked genes for found().
    ///
    /// @param n_present  counts that are not zero.
    /// @param values     of the row in the matrix: what follows it there is fetched meanwhile.
    template <class I, class T>
    void add(std::span<const I> genes, std::span<const std::int32_t> counts, Size n_present, const T* values) {
        if (n_present == static_cast<Size>(counts.size())) {
            add_row<false>(genes, counts, values);
        } else {
            add_row<true>(genes, counts, values);
        }
        ++n_rows_;
    }

    /// Which entries of the last row belong to marked genes.
    std::span<const std::size_t> found() const { return {found_.data(), n_found_}; }

    bool is_full() const { return n_rows_ == most_rows; }

    /// Adds everything to `genes` and starts afresh.
    void move_to(GeneTotals& genes) {
        for (std::size_t gene = 0; gene < words_.size(); ++gene) {
            genes.totals[gene] += static_cast<double>(static_cast<std::int32_t>(words_[gene] & sum_mask));
            genes.n_cells[gene] += (words_[gene] & ~mark) >> count_shift;
            words_[gene] &= mark;
        }
        n_rows_ = 0;
    }

private:
    // 128 rows of at most 65,535 fit 23 bits of sum and 8 bits of number of cells.
    static constexpr int most_rows = 128;
    static constexpr int count_shift = 23;
    static constexpr std::uint32_t sum_mask = (std::uint32_t{1} << count_shift) - 1;
    static constexpr std::uint32_t mark = std::uint32_t{1} << 31;

    template <bool has_zeros, class I, class T>
    void add_row(std::span<const I> genes, std::span<const std::int32_t> counts, const T* values) {
        const auto n = static_cast<Size>(counts.size());
        if (found_.size() < counts.size()) found_.resize(counts.size());
        std::uint32_t* const words = words_.data();
        std::size_t* const found = found_.data();
        std::size_t n_found = 0;
        const auto add_entry = [&](Size entry) {
            const auto k = static_cast<std::size_t>(entry);
            const auto count = static_cast<std::uint32_t>(counts[k]);
            std::uint32_t& word = words[static_cast<std::size_t>(genes[k])];
            if ((word & mark) != 0) [[unlikely]]
                found[n_found++] = k;
            word += count + (static_cast<std::uint32_t>(!has_zeros || count != 0) << count_shift);
        };
        each_while_fetching(n, add_entry, genes.data() + n, values + n);
        n_found_ = n_found;
    }

    std::vector<std::uint32_t> words_;
    std::vector<std::size_t> found_;
    std::size_t n_found_ = 0;
    int n_rows_ = 0;
};

/// The whole number nearest to `value`, or something outside 0 to 65,535 where there is none in that range: NaN,
/// infinite and negative values included. Adding 2^52 (2^23) puts a number into the low bits of the mantissa; unlike a
/// cast, that is defined for every value, and compilers vectorise it.
inline std::int64_t nearest_small(double value) {
    return std::bit_cast<std::int64_t>(std::bit_cast<std::uint64_t>(value + 0x1.0p52) -
                                       std::bit_cast<std::uint64_t>(0x1.0p52));
}
inline std::int32_t nearest_small(float value) {
    return std::bit_cast<std::int32_t>(std::bit_cast<std::uint32_t>(value + 0x1.0p23F) -
                                       std::bit_cast<std::uint32_t>(0x1.0p23F));
}
inline std::int64_t nearest_small(std::int64_t value) {
    return value;
}
inline std::int32_t nearest_small(std::int32_t value) {
    return value;
}

/// Copies `values` to `counts` and says whether all are whole numbers from 0 to 65,535 (the copy is of use only then).
template <Number T>
bool as_small_counts(std::span<const T> values, std::int32_t* counts) {
    std::int32_t n_misfits = 0;
    const T* const source = values.data();
    const auto n = values.size();
    for (std::size_t k = 0; k < n; ++k) {
        const auto count = static_cast<std::int32_t>(nearest_small(source[k]) & 0xFFFF);  // another number is no match
        counts[k] = count;
        n_misfits |= static_cast<std::int32_t>(static_cast<T>(count) != source[k]);
    }
    return n_misfits == 0;
}

/// The gene sets, and their union.
struct GeneSets {
    DenseView<const std::uint8_t> sets;
    std::vector<std::uint8_t> in_any;  ///< n_genes
    std::vector<Size> members;         ///< the genes of any set, rising

    GeneSets(DenseView<const std::uint8_t> gene_sets, Size n_genes)
        : sets(gene_sets), in_any(static_cast<std::size_t>(n_genes), 0) {
        for (Size gene = 0; gene < n_genes; ++gene) {
            for (Size set = 0; set < sets.n_rows(); ++set)
                in_any[static_cast<std::size_t>(gene)] |= sets(set, gene) != 0;
            if (in_any[static_cast<std::size_t>(gene)] != 0) members.push_back(gene);
        }
    }
};

/// Measures one row after another of a chunk.
template <Number T>
class RowReader {
public:
    RowReader(Size n_genes, const GeneSets& gene_sets, const QcOptions& options, const CellMetrics& cells,
              bool wants_genes)
        : n_genes_(n_genes),
          gene_sets_(gene_sets),
          cells_(cells),
          top_(options.top_ranks),
          wants_top_(!options.top_ranks.empty()),
          wants_genes_(wants_genes),
          words_(wants_genes_ ? std::span(gene_sets.in_any) : std::span<const std::uint8_t>{}) {
        if (!wants_genes_) return;
        genes_.totals.assign(static_cast<std::size_t>(n_genes), 0);
        genes_.n_cells.assign(static_cast<std::size_t>(n_genes), 0);
    }

    /// @param is_rising  each gene comes after the one before it.
    template <class I>
    void read(Size cell, std::span<const I> genes, std::span<const T> values, bool is_rising) {
        const bool is_marked = is_rising && wants_genes_;  // then the gene words find the members
        if (!is_marked) find_members(genes, is_rising);    // at once, as the genes have just been read
        if (counts_.size() < values.size()) counts_.resize(values.size() + values.size() / 2);
        if (as_small_counts(values, counts_.data())) {
            const std::span<const std::int32_t> counts(counts_.data(), values.size());
            read_small_cell(cell, counts);
            if (is_marked) {
                if (words_.is_full()) words_.move_to(genes_);
                words_.add(genes, counts, cells_.n_genes[static_cast<std::size_t>(cell)], values.data());
                add_to_sets(cell, words_.found(), genes, counts);
            } else {
                if (wants_genes_) add_to_genes(genes, counts);
                add_to_sets(cell, members_, genes, counts);
            }
            if (wants_top_) top_.of_small_counts(counts, cells_.top_totals.row(cell));
        } else {
            read_cell(cell, values);
            if (wants_genes_) add_to_genes(genes, values);
            if (is_marked) find_members(genes, is_rising);
            add_to_sets(cell, members_, genes, values);
            const Size n_absent = n_genes_ - static_cast<Size>(values.size());
            if (wants_top_) top_.of_values(values, std::max<Size>(0, n_absent), cells_.top_totals.row(cell));
        }
    }

    GeneTotals take_genes() {
        words_.move_to(genes_);
        return std::move(genes_);
    }

private:
    void read_small_cell(Size cell, std::span<const std::int32_t> counts) {
        std::uint64_t total = 0;
        std::int64_t n_present = 0;
        // 16384 x 65535 fits 32 bits, so that the inner sum is one of 32-bit lanes.
        constexpr std::size_t block = 16384;
        for (std::size_t begin = 0; begin < counts.size(); begin += block) {
            const std::size_t end = std::min(counts.size(), begin + block);
            std::uint32_t block_total = 0;
            std::uint32_t block_present = 0;
            for (std::size_t k = begin; k < end; ++k) {
                block_total += static_cast<std::uint32_t>(counts[k]);
                block_present += static_cast<std::uint32_t>(counts[k] != 0);
            }
            total += block_total;
            n_present += block_present;
        }
        cells_.totals[static_cast<std::size_t>(cell)] = static_cast<double>(total);
        cells_.n_genes[static_cast<std::size_t>(cell)] = n_present;
    }

    template <class V>
    void read_cell(Size cell, std::span<const V> values) {
        double total = 0;
        std::int64_t n_present = 0;
        for (const V value : values) {
            total += static_cast<double>(value);
            n_present += value != 0 ? 1 : 0;
        }
        cells_.totals[static_cast<std::size_t>(cell)] = total;
        cells_.n_genes[static_cast<std::size_t>(cell)] = n_present;
    }

    template <class I, class V>
    void add_to_genes(std::span<const I> genes, std::span<const V> values) {
        for (std::size_t k = 0; k < values.size(); ++k) {
            const auto gene = static_cast<std::size_t>(genes[k]);
            genes_.totals[gene] += static_cast<double>(values[k]);
            genes_.n_cells[gene] += values[k] != 0 ? 1 : 0;
        }
    }

    /// Finds which entries belong to genes of a set. Few genes are searched for; for many, every entry is looked at.
    template <class I>
    void find_members(std::span<const I> genes, bool is_rising) {
        constexpr std::size_t entries_a_search = 16;
        if (is_rising && gene_sets_.members.size() * entries_a_search <= genes.size()) return search_members(genes);
        members_.clear();
        for (std::size_t k = 0; k < genes.size(); ++k)
            if (gene_sets_.in_any[static_cast<std::size_t>(genes[k])] != 0) members_.push_back(k);
    }

    /// Bisects for all members at once: their steps wait for the cache side by side, and no branch is to be foreseen.
    template <class I>
    void search_members(std::span<const I> genes) {
        const auto& wanted = gene_sets_.members;
        members_.assign(wanted.size(), 0);
        for (std::size_t length = genes.size(); length > 1;) {
            const std::size_t half = length / 2;
            for (std::size_t j = 0; j < wanted.size(); ++j)
                members_[j] +=
                    half * static_cast<std::size_t>(static_cast<Size>(genes[members_[j] + half - 1]) < wanted[j]);
            length -= half;
        }
        std::size_t n_found = 0;
        for (std::size_t j = 0; j < wanted.size(); ++j) {
            const std::size_t place = members_[j];
            members_[n_found] = place;
            n_found += static_cast<std::size_t>(static_cast<Size>(genes[place]) == wanted[j]);
        }
        members_.resize(n_found);
    }

    template <class I, class V>
    void add_to_sets(Size cell, std::span<const std::size_t> entries, std::span<const I> genes,
                     std::span<const V> values) {
        const std::span<double> out = cells_.set_totals.row(cell);
        std::fill(out.begin(), out.end(), 0.0);
        for (const std::size_t k : entries)
            for (std::size_t set = 0; set < out.size(); ++set)
                if (gene_sets_.sets(static_cast<Size>(set), static_cast<Size>(genes[k])) != 0)
                    out[set] += static_cast<double>(values[k]);
    }

    Size n_genes_;
    const GeneSets& gene_sets_;
    const CellMetrics& cells_;
    TopTotals top_;
    bool wants_top_;
    bool wants_genes_;
    GeneWords words_;   ///< from the last rows of small counts
    GeneTotals genes_;  ///< from the other rows
    std::vector<std::int32_t> counts_;
    std::vector<std::size_t> members_;  ///< the entries of the last row that belong to a set
};

/// Runs `read_rows(reader, rows)` over chunks of rows and adds up the genes.
template <Number T, class ReadRows>
void describe(Size n_rows, Size n_cols, Size n_entries, DenseView<const std::uint8_t> gene_sets,
              const QcOptions& options, const CellMetrics& cells, const GeneMetrics& genes, Threads threads,
              ReadRows&& read_rows) {
    const GeneSets sets(gene_sets, n_cols);
    const bool wants_genes = !genes.totals.empty();
    const GeneTotals total = parallel_reduce(
        n_rows, chunk_of_lines(n_rows, n_entries, entries_per_chunk, n_cols), threads,
        [&](Range rows) {
            RowReader<T> reader(n_cols, sets, options, cells, wants_genes);
            read_rows(reader, rows);
            return reader.take_genes();
        },
        add);
    if (!wants_genes) return;
    std::fill(genes.totals.begin(), genes.totals.end(), 0.0);
    std::fill(genes.n_cells.begin(), genes.n_cells.end(), 0);
    std::copy(total.totals.begin(), total.totals.end(), genes.totals.begin());
    std::copy(total.n_cells.begin(), total.n_cells.end(), genes.n_cells.begin());
}

}  // namespace

template <Number T, Index I>
void describe_counts(CsrView<const T, I> counts, DenseView<const std::uint8_t> gene_sets, const QcOptions& options,
                     const CellMetrics& cells, const GeneMetrics& genes, Threads threads) {
    describe<T>(counts.n_rows(), counts.n_cols(), counts.nnz(), gene_sets, options, cells, genes, threads,
                [&](RowReader<T>& reader, Range rows) {
                    for (const Size row : rows) {
                        const auto line = counts.row(row);
                        const bool is_rising = rises_within(line.indices, counts.n_cols());
                        reader.read(row, line.indices, line.values, is_rising);
                    }
                });
}

template <Number T>
void describe_counts(DenseView<const T> counts, DenseView<const std::uint8_t> gene_sets, const QcOptions& options,
                     const CellMetrics& cells, const GeneMetrics& genes, Threads threads) {
    const Size n_genes = counts.n_cols();
    describe<T>(counts.n_rows(), n_genes, counts.n_rows() * n_genes, gene_sets, options, cells, genes, threads,
                [&](RowReader<T>& reader, Range rows) {
                    std::vector<std::int64_t> present(static_cast<std::size_t>(n_genes) + 1);
                    std::vector<T> values(static_cast<std::size_t>(n_genes) + 1);
                    for (const Size row : rows) {
                        const T* const dense = counts.row_data(row);
                        std::size_t n_present = 0;
                        for (Size gene = 0; gene < n_genes; ++gene) {
                            present[n_present] = gene;
                            values[n_present] = dense[gene];
                            n_present += dense[gene] != T{0};
                        }
                        reader.read(row, std::span<const std::int64_t>(present.data(), n_present),
                                    std::span<const T>(values.data(), n_present), true);
                    }
                });
}

#define CELLWEAVE_INSTANTIATE(T, I)                                                                           \
    template void describe_counts<T, I>(CsrView<const T, I>, DenseView<const std::uint8_t>, const QcOptions&, \
                                        const CellMetrics&, const GeneMetrics&, Threads);
#define CELLWEAVE_INSTANTIATE_ALL(T)                                                                      \
    CELLWEAVE_INSTANTIATE(T, std::int32_t)                                                                \
    CELLWEAVE_INSTANTIATE(T, std::int64_t)                                                                \
    template void describe_counts<T>(DenseView<const T>, DenseView<const std::uint8_t>, const QcOptions&, \
                                     const CellMetrics&, const GeneMetrics&, Threads);
CELLWEAVE_INSTANTIATE_ALL(float)
CELLWEAVE_INSTANTIATE_ALL(double)
CELLWEAVE_INSTANTIATE_ALL(std::int32_t)
CELLWEAVE_INSTANTIATE_ALL(std::int64_t)
#undef CELLWEAVE_INSTANTIATE_ALL
#undef CELLWEAVE_INSTANTIATE

}  // namespace cellweave
