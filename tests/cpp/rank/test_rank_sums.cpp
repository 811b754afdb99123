#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "check.hpp"
#include "rank/radix_sort.hpp"
#include "rank/rank_sums.hpp"

using namespace cellweave;

namespace {

/// 2 groups and cells of none, some of them tied, one gene with negative values.
struct Cells {
    Size n = 700;
    Size n_genes = 3;
    std::vector<float> values;
    std::vector<std::int32_t> groups;

    Cells() {
        for (Size cell = 0; cell < n; ++cell) {
            for (Size gene = 0; gene < n_genes; ++gene) {
                const auto number = static_cast<float>((cell * 7919 + gene * 104729) % (gene == 0 ? 5 : 641));
                values.push_back(gene == 1 ? number - 300 : number);
            }
            groups.push_back(static_cast<std::int32_t>(cell % 3) - 1);
        }
    }

    float value(Size cell, Size gene) const { return values[static_cast<std::size_t>(cell * n_genes + gene)]; }

    /// The definition: half a rank for each pair of equal cells, a whole one for each cell below, one for itself.
    double rank_sum(Size gene, std::int32_t group, std::optional<std::int32_t> reference) const {
        double sum = 0;
        for (Size a = 0; a < n; ++a) {
            if (groups[static_cast<std::size_t>(a)] != group) continue;
            for (Size b = 0; b < n; ++b) {
                const std::int32_t other = groups[static_cast<std::size_t>(b)];
                if (reference && other != group && other != *reference) continue;
                if (a == b) {
                    sum += 1;
                } else {
                    sum += value(b, gene) < value(a, gene) ? 1 : value(b, gene) == value(a, gene) ? 0.5 : 0;
                }
            }
        }
        return sum;
    }
};

struct Table {
    std::vector<double> sums = std::vector<double>(6);
    std::vector<double> ties = std::vector<double>(6);
    RankSums view() { return {DenseView<double>(sums.data(), 2, 3), DenseView<double>(ties.data(), 2, 3)}; }
};

}  // namespace

TEST("rank sums are those of the definition, against all cells and against a group") {
    const Cells cells;
    const DenseView<const float> matrix(cells.values.data(), cells.n, cells.n_genes);
    for (const std::optional<Size> reference : {std::optional<Size>{}, std::optional<Size>{1}}) {
        Table table;
        rank_sums(matrix, {cells.groups, 2}, reference, table.view(), Threads{2});
        for (Size gene = 0; gene < 3; ++gene) {
            CHECK(table.view().sums(0, gene) == cells.rank_sum(gene, 0, reference ? std::optional(1) : std::nullopt));
            const double of_second = reference ? 0 : cells.rank_sum(gene, 1, std::nullopt);
            CHECK(table.view().sums(1, gene) == of_second);
        }
    }
}

TEST("ties count every value that cells share, zeros included") {
    const std::vector<double> values{0, 0, 2, 2, 2, -1};
    const std::vector<std::int32_t> groups{0, 1, 0, 1, 1, 0};
    const DenseView<const double> matrix(values.data(), 6, 1);
    std::vector<double> sums(2);
    std::vector<double> ties(2);
    const RankSums out{DenseView<double>(sums.data(), 2, 1), DenseView<double>(ties.data(), 2, 1)};
    rank_sums(matrix, {groups, 2}, std::nullopt, out, Threads{1});
    CHECK(ties[0] == 2.0 * 2 * 2 - 2 + 3.0 * 3 * 3 - 3);
    rank_sums(matrix, {groups, 2}, 1, out, Threads{1});
    CHECK(ties[0] == 2.0 * 2 * 2 - 2 + 3.0 * 3 * 3 - 3);
    CHECK(ties[1] == 0 && sums[1] == 0);
}

TEST("a gene that no cell expresses gives every cell the middle rank") {
    const std::vector<std::int64_t> indptr{0, 0, 0};
    const CscView<const float, std::int64_t> nothing(nullptr, nullptr, indptr.data(), 2, 3);
    const std::vector<std::int32_t> groups{0, 0, 1};
    std::vector<double> sums(4);
    std::vector<double> ties(4);
    const RankSums out{DenseView<double>(sums.data(), 2, 2), DenseView<double>(ties.data(), 2, 2)};
    rank_sums(nothing, {groups, 2}, std::nullopt, out, Threads{1});
    CHECK(sums[0] == 4 && sums[2] == 2 && ties[0] == 24);
}

TEST("keys order as the values do") {
    const std::vector<double> rising{
        -std::numeric_limits<double>::infinity(), -1e300, -2, -1e-310, 0, 1e-310, 1, 1e300};
    for (std::size_t k = 1; k < rising.size(); ++k) CHECK(key_of(rising[k - 1]) < key_of(rising[k]));
    CHECK(key_of(-1.5F) < key_of(0.0F) && key_of(0.0F) < key_of(1e-40F));
}

TEST("the radix sort sorts few and many entries, of keys that differ in any digit") {
    for (const std::size_t n : {std::size_t{0}, std::size_t{1}, std::size_t{511}, std::size_t{5000}}) {
        for (const double spread : {0.0, 1e-3, 1e30}) {
            std::vector<GeneEntry<double>> entries;
            for (std::size_t k = 0; k < n; ++k) {
                const double uniform = static_cast<double>((k * 7919) % 5003) / 5003 - 0.4;
                entries.push_back({key_of(1 + spread * uniform), static_cast<std::int32_t>(k)});
            }
            RadixSort<double> sorted;
            const auto result = sorted(entries);
            CHECK(result.size() == n);
            for (std::size_t k = 1; k < n; ++k) CHECK(result[k - 1].key <= result[k].key);
        }
    }
}
