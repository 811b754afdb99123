#include "sparse/moments.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "core/error.hpp"
#include "core/exponential.hpp"
#include "sparse/entry_sums.hpp"

namespace cellweave {

namespace entry_sums {

GroupedCells::GroupedCells(const CellGroups& groups, Size n_cells, Size cells_per_chunk) {
    std::vector<Size> ends{n_cells};
    if (!groups.of_cell.empty()) ends = sort_cells(groups, n_cells);
    Size begin = 0;
    for (Size group = 0; group < static_cast<Size>(ends.size()); ++group) {
        const Size end = ends[static_cast<std::size_t>(group)];
        for (; begin < end; begin += cells_per_chunk) {
            chunks_.push_back({group, {begin, std::min(end, begin + cells_per_chunk)}});
        }
        begin = end;
    }
}

std::vector<Size> GroupedCells::sort_cells(const CellGroups& groups, Size n_cells) {
    std::vector<Size> ends = group_sizes(groups, n_cells);
    Size total = 0;
    for (Size& size : ends) size = (total += size);
    order_.resize(static_cast<std::size_t>(total));
    for (Size cell = n_cells - 1; cell >= 0; --cell) {
        const auto group = groups.of_cell[static_cast<std::size_t>(cell)];
        if (group >= 0) order_[static_cast<std::size_t>(--ends[static_cast<std::size_t>(group)])] = cell;
    }
    // Placing them has moved every end to its group's beginning.
    for (std::size_t group = 0; group + 1 < ends.size(); ++group) ends[group] = ends[group + 1];
    if (!ends.empty()) ends.back() = total;
    return ends;
}

void merge(PartialMoments& into, PartialMoments&& next) {
    into.kinds.add(next.kinds);
    for (auto& from : next.groups) {
        if (into.groups.empty() || into.groups.back().group != from.group) {
            into.groups.push_back(std::move(from));
            continue;
        }
        auto& genes = into.groups.back().genes;
        for (std::size_t gene = 0; gene < genes.size(); ++gene) genes[gene].add(from.genes[gene]);
    }
}

void Results::set(const PartialMoments& total) const {
    for (Size group = 0; group < sums.n_rows(); ++group) {
        std::ranges::fill(sums.row(group), 0.0);
        std::ranges::fill(squares.row(group), 0.0);
    }
    for (const auto& [group, genes] : total.groups) {
        for (std::size_t gene = 0; gene < genes.size(); ++gene) set(group, static_cast<Size>(gene), genes[gene]);
    }
}

}  // namespace entry_sums

namespace {

using entry_sums::Moments;

/// Reads blocks of values with log1p undone.
template <Number T>
struct UndoLog1p {
    using Value = std::conditional_t<std::same_as<T, float>, float, double>;
    Value log_base;

    const Value* read(const T* values, Size n, Value* buffer) const {
        for (Size k = 0; k < n; ++k) buffer[k] = fast_expm1(static_cast<Value>(values[k]) * log_base);
        return buffer;
    }
    entry_sums::KindFlags kinds(const T* values, Size n) const { return entry_sums::look_at(values, n); }
};

struct AddValue {
    void operator()(Moments& into, double value, Size, Size, Size) const {
        into.sum += value;
        into.square += value * value;
    }
};

struct AddCapped {
    DenseView<const double> caps;
    void operator()(Moments& into, double value, Size, Size gene, Size group) const {
        const double capped = std::min(value, caps(group, gene));
        into.sum += capped;
        into.square += capped * capped;
    }
};

template <Number T>
struct AddAboveCap {
    DenseView<const double> caps;
    DenseView<const T> limits;  ///< See limits_of().
    void operator()(Moments& into, double value, Size, Size gene, Size group) const {
        if (value <= static_cast<double>(limits(group, gene))) [[likely]]
            return;
        const double cap = caps(group, gene);
        into.sum += value - cap;
        into.square += value * value - cap * cap;
    }
};

void require_not_negative(DenseView<const double> caps) {
    for (Size group = 0; group < caps.n_rows(); ++group) {
        for (const double cap : caps.row(group))
            require(cap >= 0, [&] { return "caps must not be negative, found " + std::to_string(cap); });
    }
}

/// For each cap the largest number of the matrix's own type that is not above it: tables as narrow as that stay in the
/// cache.
template <Number T>
std::vector<T> limits_of(DenseView<const double> caps) {
    std::vector<T> limits;
    limits.reserve(static_cast<std::size_t>(caps.n_rows() * caps.n_cols()));
    for (Size group = 0; group < caps.n_rows(); ++group) {
        for (const double cap : caps.row(group)) {
            constexpr T largest = std::numeric_limits<T>::max();
            T limit = cap >= static_cast<double>(largest) ? largest : static_cast<T>(cap);
            if constexpr (Real<T>) {
                if (static_cast<double>(limit) > cap) limit = std::nextafter(limit, T{0});
            }
            limits.push_back(limit);
        }
    }
    return limits;
}

/// Calls `sum(reader, adder)` for what the options ask.
template <Number T, class Sum>
ValueKinds with_options(const MomentsOptions& options, Sum&& sum) {
    if (options.undo_log1p) {
        return sum(UndoLog1p<T>{static_cast<typename UndoLog1p<T>::Value>(options.log_base)}, AddValue{});
    }
    if (options.caps != nullptr) {
        if (!options.above_caps) return sum(entry_sums::AsStored<T>{}, AddCapped{*options.caps});
        require_not_negative(*options.caps);
        const std::vector<T> limits = limits_of<T>(*options.caps);
        const DenseView<const T> of_genes(limits.data(), options.caps->n_rows(), options.caps->n_cols());
        return sum(entry_sums::AsStoredAndKnown<T>{}, AddAboveCap<T>{*options.caps, of_genes});
    }
    return sum(entry_sums::AsStored<T>{}, AddValue{});
}

}  // namespace

template <Number T, Index I>
ValueKinds sum_moments(CsrView<const T, I> cells, const CellGroups& groups, const MomentsOptions& options,
                       DenseView<double> sums, DenseView<double> squares, Threads threads) {
    return with_options<T>(options, [&](const auto& reader, const auto& adder) {
        return entry_sums::sum(cells, groups, reader, adder, {sums, squares}, threads);
    });
}

template <Number T, Index I>
ValueKinds sum_moments(CscView<const T, I> cells, const CellGroups& groups, const MomentsOptions& options,
                       DenseView<double> sums, DenseView<double> squares, Threads threads) {
    return with_options<T>(options, [&](const auto& reader, const auto& adder) {
        return entry_sums::sum(cells, groups, reader, adder, {sums, squares}, threads);
    });
}

template <Number T>
ValueKinds sum_moments(DenseView<const T> cells, const CellGroups& groups, const MomentsOptions& options,
                       DenseView<double> sums, DenseView<double> squares, Threads threads) {
    return with_options<T>(options, [&](const auto& reader, const auto& adder) {
        return entry_sums::sum(cells, groups, reader, adder, {sums, squares}, threads);
    });
}

template <Number T>
ValueKinds sum_moments_of_rows(DenseView<const T> genes, const CellGroups& groups, const MomentsOptions& options,
                               DenseView<double> sums, DenseView<double> squares, Threads threads) {
    return with_options<T>(options, [&](const auto& reader, const auto& adder) {
        return entry_sums::sum_of_rows(genes, groups, reader, adder, {sums, squares}, threads);
    });
}

std::vector<Size> group_sizes(const CellGroups& groups, Size n_cells) {
    if (groups.of_cell.empty()) return {n_cells};
    std::vector<Size> sizes(static_cast<std::size_t>(groups.n_groups));
    for (const std::int32_t group : groups.of_cell) {
        if (group >= 0) ++sizes[static_cast<std::size_t>(group)];
    }
    return sizes;
}

void finish_mean_variance(std::span<double> sums, std::span<double> squares, Size n, Size ddof) {
    if (n == 0) return;
    const auto count = static_cast<double>(n);
    const double correction = n > ddof ? count / static_cast<double>(n - ddof) : 1.0;
    for (std::size_t gene = 0; gene < sums.size(); ++gene) {
        const double mean = sums[gene] / count;
        squares[gene] = (squares[gene] / count - mean * mean) * correction;
        sums[gene] = mean;
    }
}

#define CELLWEAVE_INSTANTIATE_SPARSE(T, I)                                                               \
    template ValueKinds sum_moments<T, I>(CsrView<const T, I>, const CellGroups&, const MomentsOptions&, \
                                          DenseView<double>, DenseView<double>, Threads);                \
    template ValueKinds sum_moments<T, I>(CscView<const T, I>, const CellGroups&, const MomentsOptions&, \
                                          DenseView<double>, DenseView<double>, Threads);
#define CELLWEAVE_INSTANTIATE(T)                                                                             \
    CELLWEAVE_INSTANTIATE_SPARSE(T, std::int32_t)                                                            \
    CELLWEAVE_INSTANTIATE_SPARSE(T, std::int64_t)                                                            \
    template ValueKinds sum_moments<T>(DenseView<const T>, const CellGroups&, const MomentsOptions&,         \
                                       DenseView<double>, DenseView<double>, Threads);                       \
    template ValueKinds sum_moments_of_rows<T>(DenseView<const T>, const CellGroups&, const MomentsOptions&, \
                                               DenseView<double>, DenseView<double>, Threads);
CELLWEAVE_INSTANTIATE(float)
CELLWEAVE_INSTANTIATE(double)
CELLWEAVE_INSTANTIATE(std::int32_t)
CELLWEAVE_INSTANTIATE(std::int64_t)
#undef CELLWEAVE_INSTANTIATE
#undef CELLWEAVE_INSTANTIATE_SPARSE

}  // namespace cellweave
