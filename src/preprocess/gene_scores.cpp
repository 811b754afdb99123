#include "preprocess/gene_scores.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "core/chunks.hpp"
#include "core/fetch.hpp"
#include "sparse/check.hpp"

namespace cellweave {

namespace {

constexpr Size entries_per_chunk = 1 << 20;

/// Branch-free, so that the compiler vectorises it.
template <class T>
bool has_nan(std::span<const T> values) {
    int found = 0;
    for (const T value : values) found |= value != value ? 1 : 0;
    return found != 0;
}

struct Partial {
    std::vector<double> sums;
    std::vector<std::int64_t> n_missing;

    explicit Partial(Size n = 0) : sums(static_cast<std::size_t>(n), 0), n_missing(sums.size(), 0) {}
    template <class I, class T>
    void take_all(std::span<const I> where, std::span<const T> values) {
        if (has_nan(values)) [[unlikely]] {
            for (std::size_t k = 0; k < values.size(); ++k)
                take(static_cast<std::size_t>(where[k]), static_cast<double>(values[k]));
            return;
        }
        double* const into = sums.data();
        const auto n = static_cast<Size>(values.size());
        const auto take_entry = [&, at = where.data(), value = values.data()](Size k) {
            into[at[k]] += static_cast<double>(value[k]);
        };
        each_while_fetching(n, take_entry, where.data() + n, values.data() + n);
    }
    void take(std::size_t where, double value) {
        if (std::isnan(value)) [[unlikely]] {
            ++n_missing[where];
        } else {
            sums[where] += value;
        }
    }
};

/// Sums of a line over the members of both sets. Members lie anywhere, so a branch would often be guessed wrong: every
/// entry is added, those of no set to a sum that is not used, and several sums take turns.
template <class T, class I>
std::array<double, 2> sums_of_sets(const SparseLine<T, I>& line, std::span<const std::uint8_t> sets) {
    constexpr Size lanes = 8;
    std::array<double, 4 * lanes> sums{};  // by lane and by the bits of the member
    const auto n = static_cast<Size>(line.values.size());
    const auto add_entry = [&, index = line.indices.data(), value = line.values.data(), set = sets.data()](Size k) {
        sums[static_cast<std::size_t>(k % lanes * 4 + set[index[k]])] += static_cast<double>(value[k]);
    };
    each_while_fetching(n, add_entry, line.indices.data() + n, line.values.data() + n);
    std::array<double, 2> total{};
    for (std::size_t lane = 0; lane < lanes; ++lane) {
        total[0] += sums[4 * lane + 1] + sums[4 * lane + 3];
        total[1] += sums[4 * lane + 2] + sums[4 * lane + 3];
    }
    return total;
}

void add(Partial& into, Partial&& next) {
    for (std::size_t k = 0; k < into.sums.size(); ++k) {
        into.sums[k] += next.sums[k];
        into.n_missing[k] += next.n_missing[k];
    }
}

void finish(const Partial& total, const SumsWithoutMissing& out) {
    std::fill(out.sums.begin(), out.sums.end(), 0.0);
    std::fill(out.n_missing.begin(), out.n_missing.end(), 0);
    std::copy(total.sums.begin(), total.sums.end(), out.sums.begin());
    std::copy(total.n_missing.begin(), total.n_missing.end(), out.n_missing.begin());
}

}  // namespace

template <Real T, Index I>
void sum_columns(CsrView<const T, I> x, const SumsWithoutMissing& out, Threads threads) {
    const auto partial = [&](Range rows) {
        Partial sums(x.n_cols());
        for (const Size row : rows) {
            const auto line = x.row(row);
            require_indices_below(line.indices, x.n_cols());
            sums.take_all(line.indices, line.values);
        }
        return sums;
    };
    finish(parallel_reduce(x.n_rows(), chunk_of_lines(x.n_rows(), x.nnz(), entries_per_chunk, x.n_cols()), threads,
                           partial, add),
           out);
}

template <Real T, Index I>
void sum_columns(CscView<const T, I> x, const SumsWithoutMissing& out, Threads threads) {
    parallel_for(x.n_cols(), chunk_of_lines(x.n_cols(), x.nnz(), entries_per_chunk), threads, [&](Range cols) {
        for (const Size col : cols) {
            double sum = 0;
            std::int64_t n_missing = 0;
            for (const T value : x.col(col).values) {
                const bool is_missing = std::isnan(value);
                n_missing += is_missing;
                sum += is_missing ? 0.0 : static_cast<double>(value);
            }
            out.sums[static_cast<std::size_t>(col)] = sum;
            out.n_missing[static_cast<std::size_t>(col)] = n_missing;
        }
    });
}

template <Real T, Index I>
void sum_sets(CsrView<const T, I> x, std::span<const std::uint8_t> sets, const SumsWithoutMissing& out,
              Threads threads) {
    const auto n_rows = static_cast<std::size_t>(x.n_rows());
    std::fill(out.sums.begin(), out.sums.end(), 0.0);
    std::fill(out.n_missing.begin(), out.n_missing.end(), 0);
    parallel_for(x.n_rows(), chunk_of_lines(x.n_rows(), x.nnz(), entries_per_chunk), threads, [&](Range rows) {
        for (const Size row : rows) {
            const auto line = x.row(row);
            require_indices_below(line.indices, x.n_cols());
            if (!has_nan(line.values)) [[likely]] {
                const auto sums = sums_of_sets(line, sets);
                out.sums[static_cast<std::size_t>(row)] = sums[0];
                out.sums[n_rows + static_cast<std::size_t>(row)] = sums[1];
                continue;
            }
            for (std::size_t k = 0; k < line.values.size(); ++k) {
                const std::uint8_t member = sets[static_cast<std::size_t>(line.indices[k])];
                const auto value = static_cast<double>(line.values[k]);
                for (std::size_t set = 0; set < 2; ++set) {
                    if (!(member >> set & 1)) continue;
                    const std::size_t where = set * n_rows + static_cast<std::size_t>(row);
                    const bool is_missing = std::isnan(value);
                    out.n_missing[where] += is_missing;
                    out.sums[where] += is_missing ? 0.0 : value;
                }
            }
        }
    });
}

template <Real T, Index I>
void sum_sets(CscView<const T, I> x, std::span<const std::uint8_t> sets, const SumsWithoutMissing& out,
              Threads threads) {
    const auto n_rows = static_cast<std::size_t>(x.n_rows());
    std::vector<Size> members;
    for (Size col = 0; col < x.n_cols(); ++col)
        if (sets[static_cast<std::size_t>(col)]) members.push_back(col);
    const auto partial = [&](Range chosen) {
        Partial sums(2 * x.n_rows());
        for (const Size k : chosen) {
            const Size col = members[static_cast<std::size_t>(k)];
            const auto line = x.col(col);
            require_indices_below(line.indices, x.n_rows());
            for (std::size_t entry = 0; entry < line.values.size(); ++entry) {
                for (std::size_t set = 0; set < 2; ++set) {
                    if (!(sets[static_cast<std::size_t>(col)] >> set & 1)) continue;
                    sums.take(set * n_rows + static_cast<std::size_t>(line.indices[entry]),
                              static_cast<double>(line.values[entry]));
                }
            }
        }
        return sums;
    };
    const auto n_members = static_cast<Size>(members.size());
    finish(parallel_reduce(n_members, Grain::parts(n_members, 16), threads, partial, add), out);
}

#define CELLWEAVE_INSTANTIATE(T, I)                                                                             \
    template void sum_columns<T, I>(CsrView<const T, I>, const SumsWithoutMissing&, Threads);                   \
    template void sum_columns<T, I>(CscView<const T, I>, const SumsWithoutMissing&, Threads);                   \
    template void sum_sets<T, I>(CsrView<const T, I>, std::span<const std::uint8_t>, const SumsWithoutMissing&, \
                                 Threads);                                                                      \
    template void sum_sets<T, I>(CscView<const T, I>, std::span<const std::uint8_t>, const SumsWithoutMissing&, \
                                 Threads);
CELLWEAVE_INSTANTIATE(float, std::int32_t)
CELLWEAVE_INSTANTIATE(float, std::int64_t)
CELLWEAVE_INSTANTIATE(double, std::int32_t)
CELLWEAVE_INSTANTIATE(double, std::int64_t)
#undef CELLWEAVE_INSTANTIATE

}  // namespace cellweave
