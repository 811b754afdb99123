#include "sparse/gram.hpp"

#include <algorithm>
#include <vector>

#include "core/monitor.hpp"
#include "linalg/gram.hpp"

namespace cellweave {

namespace {

constexpr Size entries_per_block = 1 << 18;
constexpr Size genes_per_chunk = 16;

/// Some rows of a matrix with their values in double, every row sorted and without repeats, and the same by gene: where
/// in the block each entry of a gene lies.
class RowBlock {
public:
    explicit RowBlock(Size n_genes) : gene_starts_(static_cast<std::size_t>(n_genes) + 1) {}

    template <class T, Index I>
    void read(const CsrView<const T, I>& matrix, Range rows) {
        genes_.clear();
        values_.clear();
        row_starts_.clear();
        for (const Size row : rows) append(matrix.row(row));
        group_by_gene();
    }

    /// Adds value(row, gene) x value(row, other) to out[other] for every row that holds `gene`, others up to it.
    void add_products_of(Size gene, double* out) const {
        const auto begin = static_cast<std::size_t>(gene_starts_[static_cast<std::size_t>(gene)]);
        const auto end = static_cast<std::size_t>(gene_starts_[static_cast<std::size_t>(gene) + 1]);
        for (std::size_t k = begin; k < end; ++k) {
            const std::int32_t entry = entries_[k];
            const double factor = values_[static_cast<std::size_t>(entry)];
            const std::int32_t* const others = genes_.data() + starts_of_rows_[k];
            const double* const values = values_.data() + starts_of_rows_[k];
            const std::int32_t n_others = entry - starts_of_rows_[k] + 1;
            for (std::int32_t other = 0; other < n_others; ++other) out[others[other]] += factor * values[other];
        }
    }

private:
    template <class T, class I>
    void append(const SparseLine<T, I>& line) {
        const std::size_t begin = genes_.size();
        row_starts_.push_back(static_cast<std::int32_t>(begin));
        bool is_rising = true;
        for (std::size_t k = 0; k < line.values.size(); ++k) {
            genes_.push_back(static_cast<std::int32_t>(line.indices[k]));
            values_.push_back(static_cast<double>(line.values[k]));
            is_rising &= k == 0 || line.indices[k - 1] < line.indices[k];
        }
        if (!is_rising) tidy_from(begin);
    }

    /// Sorts the last row and adds up its repeats, in storage order.
    void tidy_from(std::size_t begin) {
        std::vector<std::size_t> order(genes_.size() - begin);
        for (std::size_t k = 0; k < order.size(); ++k) order[k] = begin + k;
        std::stable_sort(order.begin(), order.end(),
                         [&](std::size_t a, std::size_t b) { return genes_[a] < genes_[b]; });
        std::vector<std::int32_t> genes;
        std::vector<double> values;
        for (const std::size_t k : order) {
            if (!genes.empty() && genes.back() == genes_[k]) {
                values.back() += values_[k];
            } else {
                genes.push_back(genes_[k]);
                values.push_back(values_[k]);
            }
        }
        genes_.resize(begin);
        values_.resize(begin);
        genes_.insert(genes_.end(), genes.begin(), genes.end());
        values_.insert(values_.end(), values.begin(), values.end());
    }

    void group_by_gene() {
        std::fill(gene_starts_.begin(), gene_starts_.end(), 0);
        for (const std::int32_t gene : genes_) ++gene_starts_[static_cast<std::size_t>(gene) + 1];
        for (std::size_t gene = 1; gene < gene_starts_.size(); ++gene) gene_starts_[gene] += gene_starts_[gene - 1];
        next_.assign(gene_starts_.begin(), gene_starts_.end() - 1);
        entries_.resize(genes_.size());
        starts_of_rows_.resize(genes_.size());
        row_starts_.push_back(static_cast<std::int32_t>(genes_.size()));
        for (std::size_t row = 0; row + 1 < row_starts_.size(); ++row) {
            for (std::int32_t entry = row_starts_[row]; entry < row_starts_[row + 1]; ++entry) {
                const auto gene = static_cast<std::size_t>(genes_[static_cast<std::size_t>(entry)]);
                const auto slot = static_cast<std::size_t>(next_[gene]++);
                entries_[slot] = entry;
                starts_of_rows_[slot] = row_starts_[row];
            }
        }
    }

    std::vector<std::int32_t> genes_;
    std::vector<double> values_;
    std::vector<std::int32_t> row_starts_;
    std::vector<std::int32_t> gene_starts_;
    std::vector<std::int32_t> entries_;         ///< by gene, then row: the entry's position
    std::vector<std::int32_t> starts_of_rows_;  ///< and where its row begins
    std::vector<std::int32_t> next_;
};

}  // namespace

template <Index I, class T>
double gram_products(const CsrView<T, I>& matrix) {
    double sum = 0;
    for (Size row = 0; row < matrix.n_rows(); ++row) {
        const auto n_entries = static_cast<double>(matrix.end(row) - matrix.begin(row));
        sum += n_entries * n_entries;
    }
    return sum;
}

template <Real T, Index I>
RowMatrix<double> gram_of_entries(CsrView<const T, I> matrix, Threads threads) {
    const Size n_rows = matrix.n_rows();
    const Size n_genes = matrix.n_cols();
    RowMatrix<double> sum = RowMatrix<double>::Zero(n_genes, n_genes);
    // Two blocks at a time: while one is multiplied, the next is read.
    RowBlock blocks[2] = {RowBlock(n_genes), RowBlock(n_genes)};
    const auto end_of_block = [&](Size begin) {
        Size end = begin;
        while (end < n_rows && (end == begin || matrix.end(end) - matrix.begin(begin) <= entries_per_block)) ++end;
        return end;
    };
    Progress stage("covariance of genes", n_rows);
    const Size n_chunks = (n_genes + genes_per_chunk - 1) / genes_per_chunk;
    Size begin = 0;
    Size end = end_of_block(0);
    blocks[0].read(matrix, {begin, end});
    for (int current = 0; begin < n_rows; current ^= 1) {
        const Range next{end, end_of_block(end)};
        parallel_for(n_chunks + 1, Grain{1}, threads, [&](Range items) {
            for (const Size item : items) {
                if (item == 0) {
                    blocks[current ^ 1].read(matrix, next);
                    continue;
                }
                // The genes of a chunk lie apart: sums grow with the gene, and so does the time.
                for (Size gene = n_chunks - item; gene < n_genes; gene += n_chunks)
                    blocks[current].add_products_of(gene, &sum(gene, 0));
            }
        });
        stage.advance(end - begin);
        begin = next.begin_item;
        end = next.end_item;
    }
    mirror_lower_triangle(sum, threads);
    return sum;
}

#define CELLWEAVE_INSTANTIATE(T, I)                                        \
    template double gram_products<I, const T>(const CsrView<const T, I>&); \
    template RowMatrix<double> gram_of_entries<T, I>(CsrView<const T, I>, Threads);
CELLWEAVE_INSTANTIATE(float, std::int32_t)
CELLWEAVE_INSTANTIATE(float, std::int64_t)
CELLWEAVE_INSTANTIATE(double, std::int32_t)
CELLWEAVE_INSTANTIATE(double, std::int64_t)
#undef CELLWEAVE_INSTANTIATE

}  // namespace cellweave
