#include "embed/common_values.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

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

}  // namespace

template <Real S>
std::optional<UncommonValues<S>> uncommon_values(DenseView<const S> matrix, double largest_share, Threads threads) {
    const Size n_cells = matrix.n_rows();
    const auto n_genes = static_cast<double>(matrix.n_cols());
    const std::vector<Size> sample = sampled_cells(n_cells);
    const std::vector<S> common = majority(matrix, sample);
    double n_in_sample = 0;
    for (const Size cell : sample) n_in_sample += count_uncommon(matrix.row_data(cell), common);
    if (n_in_sample > largest_share * static_cast<double>(sample.size()) * n_genes) return std::nullopt;

    std::vector<Size> ends(static_cast<std::size_t>(n_cells) + 1);
    parallel_for(n_cells, Grain{64}, threads, [&](Range cells) {
        for (const Size cell : cells)
            ends[static_cast<std::size_t>(cell) + 1] = count_uncommon(matrix.row_data(cell), common);
    });
    std::partial_sum(ends.begin(), ends.end(), ends.begin());
    const Size n_uncommon = ends.back();
    if (static_cast<double>(n_uncommon) > largest_share * static_cast<double>(n_cells) * n_genes ||
        n_uncommon > std::numeric_limits<std::int32_t>::max()) {
        return std::nullopt;
    }

    UncommonValues<S> found;
    found.common.assign(common.begin(), common.end());
    found.starts.reserve(ends.size());
    for (const Size end : ends) found.starts.push_back(static_cast<std::int32_t>(end));
    found.values.resize(static_cast<std::size_t>(n_uncommon));
    found.genes.resize(found.values.size());
    parallel_for(n_cells, Grain{64}, threads, [&](Range cells) {
        for (const Size cell : cells) {
            const S* const values = matrix.row_data(cell);
            auto slot = static_cast<std::size_t>(ends[static_cast<std::size_t>(cell)]);
            for (std::size_t gene = 0; gene < common.size(); ++gene) {
                if (values[gene] == common[gene]) continue;
                found.values[slot] = static_cast<S>(static_cast<double>(values[gene]) - found.common[gene]);
                found.genes[slot++] = static_cast<std::int32_t>(gene);
            }
        }
    });
    return found;
}

template std::optional<UncommonValues<float>> uncommon_values(DenseView<const float>, double, Threads);
template std::optional<UncommonValues<double>> uncommon_values(DenseView<const double>, double, Threads);

}  // namespace cellweave
