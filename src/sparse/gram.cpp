#include "sparse/gram.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <numeric>
#include <utility>

#include "core/chunks.hpp"
#include "core/monitor.hpp"
#include "linalg/gram.hpp"

namespace cellweave {

namespace {

constexpr Size entries_per_block = 1 << 18;
constexpr Size common_values_per_block = 1 << 18;
constexpr Size genes_per_chunk = 16;
/// Common genes that are multiplied at a time: their sums stay in registers.
constexpr Size strip_width = 32;
/// Parts of the rare genes that are multiplied with a strip: large, for a strip should stay in the cache.
constexpr Size parts_per_strip = 8;

/// A product of two entries, and one of an entry with a value of a strip, in the time of a product of dense columns.
constexpr double cost_of_pair = 20;
constexpr double cost_in_strip = 2.5;

template <class T, class I>
std::vector<Size> cells_of_genes(const CsrView<const T, I>& matrix, Threads threads) {
    using Counts = std::vector<Size>;
    const auto count = [&](Range entries) {
        Counts n_cells(static_cast<std::size_t>(matrix.n_cols()), 0);
        for (const Size entry : entries) ++n_cells[static_cast<std::size_t>(matrix.indices()[entry])];
        return n_cells;
    };
    const auto add = [](Counts& into, Counts&& next) { std::ranges::transform(into, next, into.begin(), std::plus{}); };
    const Grain grain = chunk_of_lines(matrix.nnz(), matrix.nnz(), entries_per_block, matrix.n_cols());
    Counts total = parallel_reduce(matrix.nnz(), grain, threads, count, add);
    total.resize(static_cast<std::size_t>(matrix.n_cols()), 0);
    return total;
}

/// Where each gene stands among the common ones; -1 for a rare gene.
std::vector<std::int32_t> places_among(std::span<const std::int32_t> common, Size n_genes) {
    std::vector<std::int32_t> places(static_cast<std::size_t>(n_genes), -1);
    for (std::size_t k = 0; k < common.size(); ++k)
        places[static_cast<std::size_t>(common[k])] = static_cast<std::int32_t>(k);
    return places;
}

/// Some rows of a matrix in double. The values of common genes are dense. The entries of rare genes are sorted and
/// without repeats, row by row, and the same by gene: where in the block each entry of a gene lies.
class RowBlock {
public:
    RowBlock(std::span<const std::int32_t> places, Size n_common)
        : places_(places), n_common_(n_common), gene_starts_(places.size() + 1) {}

    template <class T, Index I>
    void read(const CsrView<const T, I>& matrix, Range rows) {
        genes_.clear();
        values_.clear();
        row_starts_.clear();
        common_.setZero(rows.size(), n_common_);
        for (const Size row : rows) append(matrix.row(row), row - rows.begin_item);
        group_by_gene();
    }

    /// rows x common genes.
    DenseView<const double> common() const { return as_view(common_); }

    /// Adds value(row, gene) x value(row, other) to out[other] for every row that holds the rare `gene`, rare others
    /// up to it.
    void add_products_of(Size gene, double* out) const {
        for (const Size k : entries_of(gene)) {
            const std::int32_t entry = entries_[static_cast<std::size_t>(k)];
            const double factor = values_[static_cast<std::size_t>(entry)];
            const std::int32_t start = row_starts_[static_cast<std::size_t>(rows_[static_cast<std::size_t>(k)])];
            const std::int32_t* const others = genes_.data() + start;
            const double* const values = values_.data() + start;
            const std::int32_t n_others = entry - start + 1;
            for (std::int32_t other = 0; other < n_others; ++other) out[others[other]] += factor * values[other];
        }
    }

    /// The same with the common genes [begin, begin + strip_width): adds to out[0, strip_width).
    void add_products_with_strip(Size gene, Size begin, double* out) const {
        using Vector = Eigen::Array<double, 8, 1>;
        using Values = Eigen::Map<const Vector>;
        std::array<Vector, strip_width / 8> sums;
        for (std::size_t part = 0; part < sums.size(); ++part) sums[part] = Values(out + 8 * part);
        for (const Size k : entries_of(gene)) {
            const double factor = values_[static_cast<std::size_t>(entries_[static_cast<std::size_t>(k)])];
            const double* const values = &common_(rows_[static_cast<std::size_t>(k)], begin);
            for (std::size_t part = 0; part < sums.size(); ++part) sums[part] += factor * Values(values + 8 * part);
        }
        for (std::size_t part = 0; part < sums.size(); ++part) Eigen::Map<Vector>(out + 8 * part) = sums[part];
    }

private:
    Range entries_of(Size gene) const {
        return {gene_starts_[static_cast<std::size_t>(gene)], gene_starts_[static_cast<std::size_t>(gene) + 1]};
    }

    template <class T, class I>
    void append(const SparseLine<T, I>& line, Size row) {
        const std::size_t begin = genes_.size();
        row_starts_.push_back(static_cast<std::int32_t>(begin));
        bool is_rising = true;
        for (std::size_t k = 0; k < line.values.size(); ++k) {
            const auto gene = static_cast<std::int32_t>(line.indices[k]);
            const auto value = static_cast<double>(line.values[k]);
            if (const std::int32_t place = places_[static_cast<std::size_t>(gene)]; place >= 0) {
                common_(row, place) += value;
                continue;
            }
            is_rising &= genes_.size() == begin || genes_.back() < gene;
            genes_.push_back(gene);
            values_.push_back(value);
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
        rows_.resize(genes_.size());
        row_starts_.push_back(static_cast<std::int32_t>(genes_.size()));
        for (std::size_t row = 0; row + 1 < row_starts_.size(); ++row) {
            for (std::int32_t entry = row_starts_[row]; entry < row_starts_[row + 1]; ++entry) {
                const auto gene = static_cast<std::size_t>(genes_[static_cast<std::size_t>(entry)]);
                const auto slot = static_cast<std::size_t>(next_[gene]++);
                entries_[slot] = entry;
                rows_[slot] = static_cast<std::int32_t>(row);
            }
        }
    }

    std::span<const std::int32_t> places_;  ///< gene by gene: among the common ones, or -1
    Size n_common_;
    RowMatrix<double> common_;
    std::vector<std::int32_t> genes_;
    std::vector<double> values_;
    std::vector<std::int32_t> row_starts_;
    std::vector<std::int32_t> gene_starts_;
    std::vector<std::int32_t> entries_;  ///< by gene, then row: the entry's position
    std::vector<std::int32_t> rows_;     ///< and its row
    std::vector<std::int32_t> next_;
};

/// The products of pairs of genes: two rare ones, a rare and a common one, two common ones.
class GramSums {
public:
    GramSums(Size n_genes, std::span<const std::int32_t> common)
        : common_(common), places_(places_among(common, n_genes)), rare_(zeros<double>(n_genes, n_genes)) {
        const auto n_common = static_cast<Size>(common.size());
        mixed_ = zeros<double>(n_genes, n_common);
        of_common_ = zeros<double>(n_common, n_common);
    }

    std::span<const std::int32_t> places() const { return places_; }

    /// Adds the products of a block, and calls `meanwhile` beside.
    template <class Work>
    void add(const RowBlock& block, Threads threads, Work&& meanwhile) {
        const Size n_genes = rare_.rows();
        const Size n_chunks = (n_genes + genes_per_chunk - 1) / genes_per_chunk;
        const Size n_parts = of_common_.rows() / strip_width * parts_per_strip;
        parallel_for(1 + n_chunks + n_parts, Grain{1}, threads, [&](Range items) {
            for (const Size item : items) {
                // The genes of an item lie apart: sums grow with the gene, and so does the time.
                if (item == 0) {
                    meanwhile();
                } else if (item <= n_chunks) {
                    for (Size gene = n_chunks - item; gene < n_genes; gene += n_chunks)
                        block.add_products_of(gene, &rare_(gene, 0));
                } else {
                    const Size part = item - n_chunks - 1;
                    const Size begin = part / parts_per_strip * strip_width;
                    for (Size gene = part % parts_per_strip; gene < n_genes; gene += parts_per_strip)
                        block.add_products_with_strip(gene, begin, &mixed_(gene, begin));
                }
            }
        });
        if (n_parts > 0) add_gram(block.common(), of_common_, threads);
    }

    /// The whole matrix, both triangles.
    RowMatrix<double> take(Threads threads) {
        for (std::size_t k = 0; k < common_.size(); ++k) {
            const auto place = static_cast<Size>(k);
            const auto gene = static_cast<Size>(common_[k]);
            for (Size other = 0; other < rare_.rows(); ++other) {
                const Size other_place = places_[static_cast<std::size_t>(other)];
                rare_(std::max(gene, other), std::min(gene, other)) =
                    other_place < 0 ? mixed_(other, place)
                                    : of_common_(std::max(place, other_place), std::min(place, other_place));
            }
        }
        mirror_lower_triangle(rare_, threads);
        return std::move(rare_);
    }

private:
    std::span<const std::int32_t> common_;
    std::vector<std::int32_t> places_;
    RowMatrix<double> rare_;       ///< genes x genes, the lower triangle
    RowMatrix<double> mixed_;      ///< genes x common genes
    RowMatrix<double> of_common_;  ///< the lower triangle
};

}  // namespace

template <Real T, Index I>
GramPlan plan_gram(CsrView<const T, I> matrix, Threads threads) {
    const std::vector<Size> n_cells = cells_of_genes(matrix, threads);
    std::vector<std::int32_t> order(n_cells.size());
    std::iota(order.begin(), order.end(), 0);
    const auto cells_of = [&](std::int32_t gene) { return n_cells[static_cast<std::size_t>(gene)]; };
    std::ranges::stable_sort(order, std::greater{}, cells_of);
    const auto n_rows = static_cast<double>(std::max<Size>(1, matrix.n_rows()));
    double least_cost = std::numeric_limits<double>::infinity();
    std::size_t n_best = 0;
    double n_rare = static_cast<double>(matrix.nnz()) / n_rows;  // entries of a row
    for (std::size_t k = 0; k <= order.size(); ++k) {
        if (k % strip_width == 0) {
            const auto n_common = static_cast<double>(k);
            const double cost = n_rows * (cost_of_pair * n_rare * n_rare / 2 + cost_in_strip * n_rare * n_common +
                                          n_common * n_common / 2);
            if (cost < least_cost) {
                least_cost = cost;
                n_best = k;
            }
        }
        if (k < order.size()) n_rare -= static_cast<double>(cells_of(order[k])) / n_rows;
    }
    order.resize(n_best);
    return {std::move(order), least_cost};
}

template <Real T, Index I>
RowMatrix<double> gram_of_entries(CsrView<const T, I> matrix, const GramPlan& plan, Threads threads) {
    const Size n_rows = matrix.n_rows();
    const auto n_common = static_cast<Size>(plan.common_genes.size());
    GramSums sums(matrix.n_cols(), plan.common_genes);
    // Two blocks at a time: while one is multiplied, the next is read.
    RowBlock blocks[2] = {RowBlock(sums.places(), n_common), RowBlock(sums.places(), n_common)};
    const Size most_rows = n_common == 0 ? n_rows : std::max<Size>(1, common_values_per_block / n_common);
    const auto block_from = [&](Size begin) {
        Size end = std::min(n_rows, begin + 1);
        while (end < n_rows && end - begin < most_rows && matrix.end(end) - matrix.begin(begin) <= entries_per_block)
            ++end;
        return Range{begin, end};
    };
    Progress stage("covariance of genes", n_rows);
    Range rows = block_from(0);
    blocks[0].read(matrix, rows);
    for (int current = 0; rows.size() > 0; current ^= 1) {
        const Range next = block_from(rows.end_item);
        sums.add(blocks[current], threads, [&] { blocks[current ^ 1].read(matrix, next); });
        stage.advance(rows.size());
        rows = next;
    }
    return sums.take(threads);
}

#define CELLWEAVE_INSTANTIATE(T, I)                                  \
    template GramPlan plan_gram<T, I>(CsrView<const T, I>, Threads); \
    template RowMatrix<double> gram_of_entries<T, I>(CsrView<const T, I>, const GramPlan&, Threads);
CELLWEAVE_INSTANTIATE(float, std::int32_t)
CELLWEAVE_INSTANTIATE(float, std::int64_t)
CELLWEAVE_INSTANTIATE(double, std::int32_t)
CELLWEAVE_INSTANTIATE(double, std::int64_t)
#undef CELLWEAVE_INSTANTIATE

}  // namespace cellweave
