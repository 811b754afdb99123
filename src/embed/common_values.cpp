#include "embed/common_values.hpp"

#include <algorithm>
#include <limits>

namespace cellweave {

namespace {

/// Cells spread evenly over the matrix.
std::vector<Size> sampled_cells(Size n_cells) {
    const Size n_sampled = std::min<Size>(n_cells, 64);
    std::vector<Size> cells(static_cast<std::size_t>(n_sampled));
    for (Size k = 0; k < n_sampled; ++k) cells[static_cast<std::size_t>(k)] = k * n_cells / n_sampled;
    return cells;
}

/// The value that most of `cells` have, gene by gene, where there is one; else any.
template <Real S>
std::vector<S> majority(DenseView<const S> matrix, const std::vector<Size>& cells) {
    std::vector<S> candidates(static_cast<std::size_t>(matrix.n_cols()));
    std::vector<int> votes(candidates.size());
    for (const Size cell : cells) {
        const S* const values = matrix.row_data(cell);
        for (std::size_t gene = 0; gene < candidates.size(); ++gene) {
            if (votes[gene] == 0) candidates[gene] = values[gene];
            votes[gene] += values[gene] == candidates[gene] ? 1 : -1;
        }
    }
    return candidates;
}

template <Real S>
std::int32_t count_uncommon(const S* values, const std::vector<S>& common) {
    std::int32_t count = 0;
    for (std::size_t gene = 0; gene < common.size(); ++gene) count += values[gene] != common[gene];
    return count;
}

/// The rows of E for some cells.
template <Real S>
UncommonValues<S> uncommon_of(DenseView<const S> cells, const std::vector<S>& common) {
    UncommonValues<S> found;
    found.starts.push_back(0);
    // Without branches: where a gene is expressed is as good as random. Each value is written, and the next one over
    // it unless it differs.
    UntouchedVector<S> values(common.size());
    UntouchedVector<std::int32_t> genes(common.size());
    for (Size cell = 0; cell < cells.n_rows(); ++cell) {
        const S* const row = cells.row_data(cell);
        std::size_t n_found = 0;
        for (std::size_t gene = 0; gene < common.size(); ++gene) {
            values[n_found] = static_cast<S>(static_cast<double>(row[gene]) - static_cast<double>(common[gene]));
            genes[n_found] = static_cast<std::int32_t>(gene);
            n_found += row[gene] != common[gene];
        }
        found.values.insert(found.values.end(), values.data(), values.data() + n_found);
        found.genes.insert(found.genes.end(), genes.data(), genes.data() + n_found);
        found.starts.push_back(static_cast<std::int32_t>(found.values.size()));
    }
    return found;
}

template <Real S>
void append(UncommonValues<S>& into, const UncommonValues<S>& next) {
    const std::int32_t n_before = into.starts.back();
    into.values.insert(into.values.end(), next.values.begin(), next.values.end());
    into.genes.insert(into.genes.end(), next.genes.begin(), next.genes.end());
    for (std::size_t cell = 1; cell < next.starts.size(); ++cell) into.starts.push_back(n_before + next.starts[cell]);
}

}  // namespace

template <Real S>
std::optional<UncommonValues<S>> uncommon_values(DenseView<const S> matrix, double largest_share, Threads threads) {
    const Size n_cells = matrix.n_rows();
    const std::vector<Size> sample = sampled_cells(n_cells);
    const std::vector<S> common = majority(matrix, sample);
    Size n_in_sample = 0;
    for (const Size cell : sample) n_in_sample += count_uncommon(matrix.row_data(cell), common);
    const double expected =
        static_cast<double>(n_in_sample) / static_cast<double>(sample.size()) * static_cast<double>(n_cells);
    const double most = std::min(largest_share * static_cast<double>(n_cells) * static_cast<double>(matrix.n_cols()),
                                 static_cast<double>(std::numeric_limits<std::int32_t>::max()));
    if (expected > most) return std::nullopt;

    const auto room = static_cast<std::size_t>(std::min(most, 1.1 * expected));
    bool has_room = true;
    UncommonValues<S> found = parallel_reduce(
        n_cells, Grain{64}, threads,
        [&](Range cells) { return uncommon_of(matrix.rows(cells.begin_item, cells.end_item), common); },
        [&](UncommonValues<S>& into, UncommonValues<S>&& next) {
            has_room = has_room && static_cast<double>(into.values.size() + next.values.size()) <= most;
            if (!has_room) return;
            into.values.reserve(room);
            into.genes.reserve(room);
            append(into, next);
        });
    if (!has_room) return std::nullopt;
    found.common.assign(common.begin(), common.end());
    return found;
}

template std::optional<UncommonValues<float>> uncommon_values(DenseView<const float>, double, Threads);
template std::optional<UncommonValues<double>> uncommon_values(DenseView<const double>, double, Threads);

}  // namespace cellweave
