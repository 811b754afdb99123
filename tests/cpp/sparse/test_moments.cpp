#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "check.hpp"
#include "core/error.hpp"
#include "core/random.hpp"
#include "sparse/moments.hpp"

using namespace cellweave;

namespace {

constexpr Size n_cells = 700;
constexpr Size n_genes = 90;

/// Counts, a third of them not zero.
std::vector<std::int32_t> counts() {
    const Random random(1, 0);
    std::vector<std::int32_t> values(n_cells * n_genes);
    for (std::size_t k = 0; k < values.size(); ++k)
        values[k] = random.below(k, 3) == 0 ? 1 + static_cast<int>(random.below(k + values.size(), 40)) : 0;
    return values;
}

template <class I>
struct Compressed {
    std::vector<std::int32_t> data;
    std::vector<I> indices;
    std::vector<I> indptr{0};
};

template <class I>
Compressed<I> compress(const std::vector<std::int32_t>& dense, bool by_cells) {
    Compressed<I> out;
    for (Size line = 0; line < (by_cells ? n_cells : n_genes); ++line) {
        for (Size k = 0; k < (by_cells ? n_genes : n_cells); ++k) {
            const auto value = dense[static_cast<std::size_t>(by_cells ? line * n_genes + k : k * n_genes + line)];
            if (value == 0) continue;
            out.data.push_back(value);
            out.indices.push_back(static_cast<I>(k));
        }
        out.indptr.push_back(static_cast<I>(out.data.size()));
    }
    return out;
}

struct Result {
    std::vector<double> sums;
    std::vector<double> squares;
    bool operator==(const Result&) const = default;
};

template <class Call>
Result with_room(Size n_groups, Call&& call) {
    Result result{std::vector<double>(static_cast<std::size_t>(n_groups * n_genes)),
                  std::vector<double>(static_cast<std::size_t>(n_groups * n_genes))};
    call(DenseView<double>(result.sums.data(), n_groups, n_genes),
         DenseView<double>(result.squares.data(), n_groups, n_genes));
    return result;
}

/// Every layout's answer, which must be the same.
std::vector<Result> all_layouts(const CellGroups& groups, const MomentsOptions& options, Threads threads) {
    const auto dense = counts();
    std::vector<std::int32_t> transposed(dense.size());
    for (Size c = 0; c < n_cells; ++c) {
        for (Size g = 0; g < n_genes; ++g)
            transposed[static_cast<std::size_t>(g * n_cells + c)] = dense[static_cast<std::size_t>(c * n_genes + g)];
    }
    std::vector<Result> results;
    const auto sparse = [&]<class I>(I) {
        const auto rows = compress<I>(dense, true);
        const auto cols = compress<I>(dense, false);
        results.push_back(with_room(groups.n_groups, [&](auto sums, auto squares) {
            sum_moments(CsrView<const std::int32_t, I>(rows.data.data(), rows.indices.data(), rows.indptr.data(),
                                                       n_cells, n_genes),
                        groups, options, sums, squares, threads);
        }));
        results.push_back(with_room(groups.n_groups, [&](auto sums, auto squares) {
            sum_moments(CscView<const std::int32_t, I>(cols.data.data(), cols.indices.data(), cols.indptr.data(),
                                                       n_genes, n_cells),
                        groups, options, sums, squares, threads);
        }));
    };
    sparse(std::int32_t{});
    sparse(std::int64_t{});
    results.push_back(with_room(groups.n_groups, [&](auto sums, auto squares) {
        sum_moments(DenseView<const std::int32_t>(dense.data(), n_cells, n_genes), groups, options, sums, squares,
                    threads);
    }));
    results.push_back(with_room(groups.n_groups, [&](auto sums, auto squares) {
        sum_moments_of_rows(DenseView<const std::int32_t>(transposed.data(), n_genes, n_cells), groups, options, sums,
                            squares, threads);
    }));
    return results;
}

std::vector<std::int32_t> some_groups() {
    std::vector<std::int32_t> group(n_cells);
    for (Size c = 0; c < n_cells; ++c) group[static_cast<std::size_t>(c)] = static_cast<std::int32_t>(c % 5) - 1;
    return group;
}

}  // namespace

TEST("moments: every layout and index width gives the exact sums of counts, per group") {
    const auto dense = counts();
    const auto group = some_groups();
    const CellGroups groups{group, 4};
    const auto results = all_layouts(groups, {}, Threads{3});
    for (Size g = 0; g < 4; ++g) {
        for (Size gene = 0; gene < n_genes; ++gene) {
            double sum = 0;
            double square = 0;
            for (Size c = 0; c < n_cells; ++c) {
                if (group[static_cast<std::size_t>(c)] != g) continue;
                const double value = dense[static_cast<std::size_t>(c * n_genes + gene)];
                sum += value;
                square += value * value;
            }
            CHECK(results[0].sums[static_cast<std::size_t>(g * n_genes + gene)] == sum);
            CHECK(results[0].squares[static_cast<std::size_t>(g * n_genes + gene)] == square);
        }
    }
    for (const auto& result : results) CHECK(result == results[0]);
    CHECK(group_sizes(groups, n_cells) == std::vector<Size>(4, n_cells / 5));
}

TEST("moments: caps clip each value in its group") {
    const auto group = some_groups();
    std::vector<double> caps(4 * n_genes);
    for (std::size_t k = 0; k < caps.size(); ++k) caps[k] = static_cast<double>(k % 30);
    const DenseView<const double> view(caps.data(), 4, n_genes);
    const auto results = all_layouts({group, 4}, {.caps = &view}, Threads{2});
    const auto dense = counts();
    double sum = 0;
    for (Size c = 0; c < n_cells; ++c) {
        if (group[static_cast<std::size_t>(c)] == 2)
            sum += std::min<double>(dense[static_cast<std::size_t>(c * n_genes + 7)], caps[2 * n_genes + 7]);
    }
    CHECK(results[0].sums[2 * n_genes + 7] == sum);
    for (const auto& result : results) CHECK(result == results[0]);
}

TEST("moments: what the caps leave and what they cut away are the whole, for whole caps to the last bit") {
    const auto group = some_groups();
    std::vector<double> caps(4 * n_genes);
    for (std::size_t k = 0; k < caps.size(); ++k) caps[k] = static_cast<double>(k % 30);
    const DenseView<const double> view(caps.data(), 4, n_genes);
    const auto whole = all_layouts({group, 4}, {}, Threads{2})[0];
    const auto left = all_layouts({group, 4}, {.caps = &view}, Threads{2})[0];
    for (const auto& cut : all_layouts({group, 4}, {.caps = &view, .above_caps = true}, Threads{3})) {
        for (std::size_t k = 0; k < caps.size(); ++k) {
            CHECK(left.sums[k] + cut.sums[k] == whole.sums[k]);
            CHECK(left.squares[k] + cut.squares[k] == whole.squares[k]);
        }
    }
    caps[5] = -1;
    const auto below_zero = [&] { all_layouts({group, 4}, {.caps = &view, .above_caps = true}, Threads{1}); };
    CHECK_THROWS(InvalidInput, below_zero());
}

TEST("moments: a cap that the matrix's own type cannot hold still parts the values around it") {
    const float next = 0.1F;  // a little more than the double 0.1
    const float last = std::nextafter(next, 0.0F);
    const std::vector<float> values{next, last, next, 7.0F};
    const std::vector<double> caps{0.1, 0.1, std::numeric_limits<double>::infinity(), 1e300};
    const DenseView<const double> view(caps.data(), 1, 4);
    std::vector<double> sums(4), squares(4);
    sum_moments<float>({values.data(), 1, 4}, {}, {.caps = &view, .above_caps = true}, {sums.data(), 1, 4},
                       {squares.data(), 1, 4}, Threads{1});
    CHECK((sums == std::vector<double>{static_cast<double>(next) - 0.1, 0, 0, 0}));

    const std::vector<std::int32_t> counts{3, 2, std::numeric_limits<std::int32_t>::max(), 1};
    const std::vector<double> limits{2.5, 2.5, 1e12, 0};
    const DenseView<const double> limits_view(limits.data(), 1, 4);
    sum_moments<std::int32_t>({counts.data(), 1, 4}, {}, {.caps = &limits_view, .above_caps = true},
                              {sums.data(), 1, 4}, {squares.data(), 1, 4}, Threads{1});
    CHECK((sums == std::vector<double>{0.5, 0, 0, 1}));
    CHECK((squares == std::vector<double>{9 - 6.25, 0, 0, 1}));
}

TEST("moments: the same bytes at any thread count, with log1p undone") {
    const auto one = all_layouts({}, {.undo_log1p = true, .log_base = 0.05}, Threads{1});
    for (const int threads : {2, 3, 8})
        CHECK(all_layouts({}, {.undo_log1p = true, .log_base = 0.05}, Threads{threads}) == one);
}

TEST("moments: kinds of values are told") {
    const std::vector<float> values{1.0F, 2.0F, 0.0F, 8388609.0F};
    const auto kinds_with = [&](float extra) {
        auto copy = values;
        copy[2] = extra;
        double sums[4];
        double squares[4];
        return sum_moments(DenseView<const float>(copy.data(), 1, 4), CellGroups{}, MomentsOptions{},
                           DenseView<double>(sums, 1, 4), DenseView<double>(squares, 1, 4), Threads{1});
    };
    CHECK(!kinds_with(3.0F).has_negative && !kinds_with(3.0F).has_fraction && !kinds_with(3.0F).has_nonfinite);
    CHECK(kinds_with(-3.0F).has_negative && !kinds_with(-3.0F).has_fraction);
    CHECK(kinds_with(0.5F).has_fraction);
    CHECK(kinds_with(4194304.5F).has_fraction);
    CHECK(kinds_with(std::numeric_limits<float>::infinity()).has_nonfinite);
    CHECK(kinds_with(std::numeric_limits<float>::quiet_NaN()).has_nonfinite);
}

TEST("moments: mean and variance as defined; nothing and one value have variance 0") {
    std::vector<double> sums{6, 0};
    std::vector<double> squares{14, 0};
    finish_mean_variance(sums, squares, 3, 1);
    CHECK(sums[0] == 2);
    CHECK_NEAR(squares[0], 1, 1e-15);
    std::vector<double> one{5};
    std::vector<double> one_square{25};
    finish_mean_variance(one, one_square, 1, 1);
    CHECK(one[0] == 5 && one_square[0] == 0);
}
