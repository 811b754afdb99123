#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "check.hpp"
#include "core/error.hpp"
#include "core/log.hpp"
#include "preprocess/filter.hpp"
#include "preprocess/normalize.hpp"
#include "preprocess/qc.hpp"
#include "preprocess/top_totals.hpp"
#include "sparse/check.hpp"
#include "sparse/select.hpp"

using namespace cellweave;

namespace {

/// [[1 0 2], [0 0 0], [3 4 0.5]]
template <class T, class I>
struct Sample {
    std::vector<T> data{1, 2, 3, 4, static_cast<T>(0.5)};
    std::vector<I> indices{0, 2, 0, 1, 2};
    std::vector<I> indptr{0, 2, 2, 5};
    CsrView<const T, I> view() const { return {data.data(), indices.data(), indptr.data(), 3, 3}; }
};

}  // namespace

TEST("describe_counts agrees with a look at the matrix") {
    const Sample<double, std::int64_t> sample;
    std::vector<double> totals(3), gene_totals(3), top(6), sets(3);
    std::vector<std::int64_t> n_genes(3), n_cells(3);
    const std::vector<std::uint8_t> set{1, 0, 1};
    describe_counts(
        sample.view(), DenseView<const std::uint8_t>(set.data(), 1, 3), QcOptions{{1, 2}},
        CellMetrics{totals, n_genes, DenseView<double>(top.data(), 3, 2), DenseView<double>(sets.data(), 3, 1)},
        GeneMetrics{gene_totals, n_cells}, Threads{2});
    CHECK((totals == std::vector<double>{3, 0, 7.5}));
    CHECK((n_genes == std::vector<std::int64_t>{2, 0, 3}));
    CHECK((top == std::vector<double>{2, 3, 0, 0, 4, 7}));
    CHECK((sets == std::vector<double>{3, 0, 3.5}));
    CHECK((gene_totals == std::vector<double>{4, 4, 2.5}));
    CHECK((n_cells == std::vector<std::int64_t>{2, 1, 2}));
}

TEST("describe_counts: largest small counts, zeros, large and negative counts, falling and repeated genes") {
    constexpr Size n_cells = 1000;
    constexpr Size n_genes = 40;
    std::vector<std::int32_t> data, indices, indptr{0};
    std::vector<double> cells(n_cells), genes(n_genes), of_set(n_cells);
    std::vector<std::int64_t> genes_of(n_cells), cells_of(n_genes);
    const std::vector<std::int32_t> values{65535, 0, 65536, -7, 3};
    for (Size cell = 0; cell < n_cells; ++cell) {
        for (Size k = 0; k < n_genes; ++k) {
            // Three cells in four hold nothing but 65,535; every fifth comes in falling order, every seventh repeats.
            const bool is_plain = cell % 4 != 0;
            Size gene = cell % 5 == 0 ? n_genes - 1 - k : k;
            if (cell % 7 == 0) gene = gene / 20;
            const std::int32_t value = is_plain ? 65535 : values[static_cast<std::size_t>((cell / 4 + k) % 5)];
            indices.push_back(static_cast<std::int32_t>(gene));
            data.push_back(value);
            cells[static_cast<std::size_t>(cell)] += value;
            genes[static_cast<std::size_t>(gene)] += value;
            genes_of[static_cast<std::size_t>(cell)] += value != 0;
            cells_of[static_cast<std::size_t>(gene)] += value != 0;
            if (gene % 3 == 1) of_set[static_cast<std::size_t>(cell)] += value;
        }
        indptr.push_back(static_cast<std::int32_t>(data.size()));
    }
    std::vector<std::uint8_t> set;
    for (Size gene = 0; gene < n_genes; ++gene) set.push_back(gene % 3 == 1);
    std::vector<double> totals(n_cells), gene_totals(n_genes), sets(n_cells);
    std::vector<std::int64_t> found_genes(n_cells), found_cells(n_genes);
    const CsrView<const std::int32_t, std::int32_t> view(data.data(), indices.data(), indptr.data(), n_cells, n_genes);
    describe_counts(view, DenseView<const std::uint8_t>(set.data(), 1, n_genes), QcOptions{},
                    CellMetrics{totals, found_genes, DenseView<double>(nullptr, n_cells, 0),
                                DenseView<double>(sets.data(), n_cells, 1)},
                    GeneMetrics{gene_totals, found_cells}, Threads{2});
    CHECK(totals == cells);
    CHECK(gene_totals == genes);
    CHECK(sets == of_set);
    CHECK(found_genes == genes_of);
    CHECK(found_cells == cells_of);

    // The cells alone; a set of two genes is searched for, that of 13 is not.
    for (const Size step : {3, 20}) {
        std::vector<std::uint8_t> other_set;
        for (Size gene = 0; gene < n_genes; ++gene) other_set.push_back(gene % step == 1);
        std::vector<double> expected(n_cells);
        for (std::size_t k = 0; k < data.size(); ++k)
            if (other_set[static_cast<std::size_t>(indices[k])] != 0) expected[k / n_genes] += data[k];
        std::ranges::fill(totals, -1);
        std::ranges::fill(found_genes, -1);
        describe_counts(view, DenseView<const std::uint8_t>(other_set.data(), 1, n_genes), QcOptions{},
                        CellMetrics{totals, found_genes, DenseView<double>(nullptr, n_cells, 0),
                                    DenseView<double>(sets.data(), n_cells, 1)},
                        GeneMetrics{}, Threads{2});
        CHECK(totals == cells);
        CHECK(found_genes == genes_of);
        CHECK(sets == expected);
    }
}

TEST("TopTotals: histogram and sorting agree, zeros come before negative values") {
    const std::vector<Size> ranks{1, 3, 10};
    TopTotals top(ranks);
    std::vector<double> out(3), expected(3);
    const std::vector<std::int32_t> counts{1, 70, 65535, 3, 3, 1, 600, 0, 2};
    const std::vector<double> values(counts.begin(), counts.end());
    top.of_small_counts(counts, out);
    top.of_values<double>(values, 0, expected);
    CHECK(out == expected);
    CHECK((out == std::vector<double>{65535, 66205, 66215}));
    top.of_values<double>(std::vector<double>{-1, 5, -2}, 1, out);
    CHECK((out == std::vector<double>{5, 4, 2}));
    top.of_values<double>(std::vector<double>{1, std::nan("")}, 1, out);
    CHECK(std::isnan(out[0]));
}

TEST("TopTotals: counts on both sides of the table's end, one cell after another") {
    const std::vector<Size> ranks{1, 5, 20, 100};
    TopTotals top(ranks);
    for (const std::size_t n : {0, 1, 7, 8, 9, 50, 200, 31}) {
        std::vector<std::int32_t> counts;
        for (std::size_t k = 0; k < n; ++k) counts.push_back(static_cast<std::int32_t>(k * 37 % 90));
        const std::vector<double> values(counts.begin(), counts.end());
        std::vector<double> out(4), expected(4);
        top.of_small_counts(counts, out);
        top.of_values<double>(values, 0, expected);
        CHECK(out == expected);
    }
}

TEST("a bad index is found by the kernels that follow it, at both index widths") {
    Sample<float, std::int32_t> sample;
    sample.indices[3] = 3;
    std::vector<double> out(3);
    std::vector<std::int32_t> indptr(4);
    const std::vector<std::int32_t> all{0, 1, 2};
    Sample<std::uint32_t, std::int32_t> words;
    words.indices[3] = 3;
    CHECK_THROWS(IndexOutOfRange, tally_across(sample.view(), Tally::totals, out, Threads{2}));
    CHECK_THROWS(IndexOutOfRange, (plan_positions<std::uint32_t, std::int32_t>(words.view(), all, indptr, Threads{2})));
    Sample<float, std::int64_t> wide;
    wide.indices[0] = -1;
    CHECK_THROWS(IndexOutOfRange, tally_across(wide.view(), Tally::detected, out, Threads{1}));
}

TEST("positions beyond 2^31 stay 64-bit: a view whose indptr starts far into a shifted buffer") {
    // The arrays are addressed as if 2^31 + 5 entries came before them; only these five are ever touched.
    const Sample<float, std::int64_t> sample;
    const Size far = (Size{1} << 31) + 5;
    std::vector<std::int64_t> indptr;
    for (const std::int64_t position : sample.indptr) indptr.push_back(position + far);
    const auto shifted = [&](const auto* pointer) {
        using Pointer = decltype(pointer);
        return reinterpret_cast<Pointer>(reinterpret_cast<std::uintptr_t>(pointer) -
                                         static_cast<std::uintptr_t>(far) * sizeof(*pointer));
    };
    const CsrView<const float, std::int64_t> view(shifted(sample.data.data()), shifted(sample.indices.data()),
                                                  indptr.data(), 3, 3);
    std::vector<double> out(3);
    tally_lines(view, Tally::totals, out, Threads{2});
    CHECK((out == std::vector<double>{3, 0, 7.5}));
    tally_across(view, Tally::totals, out, Threads{2});
    CHECK((out == std::vector<double>{4, 4, 2.5}));
    count_totals(view, out, "X", Threads{2});
    CHECK((out == std::vector<double>{3, 0, 7.5}));
    std::vector<std::int64_t> n_genes(3), n_cells(3);
    std::vector<double> totals(3), gene_totals(3), top(3);
    describe_counts(view, DenseView<const std::uint8_t>(nullptr, 0, 3), QcOptions{{2}},
                    CellMetrics{totals, n_genes, DenseView<double>(top.data(), 3, 1), DenseView<double>(nullptr, 3, 0)},
                    GeneMetrics{gene_totals, n_cells}, Threads{2});
    CHECK((top == std::vector<double>{3, 0, 7}));
    const std::vector<Size> lines{2, 0};
    const std::vector<std::uint32_t> numbers{1, 2, 3, 4, 5};
    const CsrView<const std::uint32_t, std::int64_t> words(shifted(numbers.data()), shifted(sample.indices.data()),
                                                           indptr.data(), 3, 3);
    std::vector<std::uint32_t> data(5);
    std::vector<std::int64_t> new_indptr(3), indices(5);
    CHECK((plan_lines<std::uint32_t, std::int64_t>(words, lines, new_indptr) == 5));
    copy_lines<std::uint32_t, std::int64_t>(words, lines, new_indptr, data.data(), indices.data(), Threads{2});
    CHECK((data == std::vector<std::uint32_t>{3, 4, 5, 1, 2}));
    CHECK((indices == std::vector<std::int64_t>{0, 1, 2, 0, 2}));
}

TEST("selecting more entries than 32-bit indices count is refused") {
    std::vector<std::int32_t> indptr{0, 1 << 30};
    const CsrView<const std::uint8_t, std::int32_t> view(nullptr, nullptr, indptr.data(), 1, 5);
    const std::vector<Size> lines{0, 0, 0};
    std::vector<std::int32_t> out(4);
    CHECK_THROWS(InvalidInput, (plan_lines<std::uint8_t, std::int32_t>(view, lines, out)));
}

TEST("log1p_in_range is within 2 units of the last place") {
    for (double x = -0.5; x < 1e6; x = x < 0 ? x * 0.97 + 1e-4 : x * 1.0137 + 1e-9) {
        const auto narrow = static_cast<float>(x);
        CHECK_NEAR(log1p_in_range(x), std::log1p(x), 4.5e-16 * std::abs(std::log1p(x)));
        CHECK_NEAR(log1p_in_range(narrow), std::log1p(static_cast<double>(narrow)),
                   2.4e-7 * std::abs(std::log1p(narrow)));
    }
    CHECK(log1p_in_range(0.0) == 0.0);
    CHECK_NEAR(log1p_in_range(0x1.0p60), std::log(0x1.0p60), 1e-14);
}

TEST("count_totals tells of negative values and refuses missing ones") {
    Sample<double, std::int32_t> sample;
    std::vector<double> out(3);
    CHECK(!count_totals(sample.view(), out, "X", Threads{2}));
    sample.data[1] = -1;
    CHECK(count_totals(sample.view(), out, "X", Threads{2}));
    CHECK((out == std::vector<double>{0, 0, 7.5}));
    sample.data[1] = std::numeric_limits<double>::infinity();
    CHECK_THROWS(InvalidInput, count_totals(sample.view(), out, "X", Threads{2}));
}
