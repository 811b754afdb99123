#include "sparse/moments.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/exponential.hpp"

namespace cellweave {

namespace {

/// Values handled between two looks at anything else: they and their exponentials stay in the first-level cache.
constexpr Size block_size = 1024;
/// Entries in a chunk: about 5 ms of work, and enough to make the table of a partial sum cheap beside it.
constexpr Size entries_per_chunk = Size{1} << 21;

struct Moments {
    double sum = 0;
    double square = 0;
};

struct KindFlags {
    int negative = 0;
    int fraction = 0;
    int nonfinite = 0;

    void add(const KindFlags& other) {
        negative |= other.negative;
        fraction |= other.fraction;
        nonfinite |= other.nonfinite;
    }
    ValueKinds finish() const { return {negative != 0, fraction != 0, nonfinite != 0}; }
};

/// Branch-free, so that the compiler vectorises it.
template <Number T>
KindFlags look_at(const T* values, Size n) {
    int negative = 0;
    int fraction = 0;
    int nonfinite = 0;
    for (Size k = 0; k < n; ++k) {
        const T value = values[k];
        negative |= value < 0 ? 1 : 0;
        if constexpr (Real<T>) {
            // Adding 2^mantissa rounds a smaller number to an integer; larger numbers have no fraction.
            constexpr T rounding = std::same_as<T, float> ? T(0x1p23) : T(0x1p52);
            const T size = std::abs(value);
            fraction |= ((size + rounding) - rounding != size ? 1 : 0) & (size < rounding ? 1 : 0);
            nonfinite |= size <= std::numeric_limits<T>::max() ? 0 : 1;
        }
    }
    return {negative, fraction, nonfinite};
}

/// Reads blocks of values as they are.
template <Number T>
struct AsStored {
    using Value = T;
    const T* read(const T* values, Size, Value*) const { return values; }
};

/// Reads blocks of values with log1p undone.
template <Number T>
struct UndoLog1p {
    using Value = std::conditional_t<std::same_as<T, float>, float, double>;
    Value log_base;

    const Value* read(const T* values, Size n, Value* buffer) const {
        for (Size k = 0; k < n; ++k) buffer[k] = fast_expm1(static_cast<Value>(values[k]) * log_base);
        return buffer;
    }
};

struct NoCap {
    double operator()(double value, Size) const { return value; }
};

struct CapOfGene {
    const double* caps;
    double operator()(double value, Size gene) const { return std::min(value, caps[gene]); }
};

/// Calls `f(reader, cap_of_group)` for what the options ask.
template <Number T, class F>
ValueKinds with_reader(const MomentsOptions& options, F&& f) {
    if (options.undo_log1p) {
        using Value = typename UndoLog1p<T>::Value;
        return f(UndoLog1p<T>{static_cast<Value>(options.log_base)}, [](Size) { return NoCap{}; });
    }
    if (options.caps != nullptr) {
        return f(AsStored<T>{}, [&](Size group) { return CapOfGene{options.caps->row_data(group)}; });
    }
    return f(AsStored<T>{}, [](Size) { return NoCap{}; });
}

/// Chunks of cells that each lie within one group, and the cells in the order of their groups.
class GroupedCells {
public:
    struct Chunk {
        Size group;
        Range places;
    };

    GroupedCells(const CellGroups& groups, Size n_cells, Size cells_per_chunk) {
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

    const std::vector<Chunk>& chunks() const { return chunks_; }
    Size cell(Size place) const { return order_.empty() ? place : order_[static_cast<std::size_t>(place)]; }

private:
    /// Fills the order; returns where each group ends in it.
    std::vector<Size> sort_cells(const CellGroups& groups, Size n_cells) {
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

    std::vector<Size> order_;
    std::vector<Chunk> chunks_;
};

/// Moments of all genes over some cells, for one group or, after merging, for several in rising order.
struct PartialMoments {
    struct OfGroup {
        Size group;
        std::vector<Moments> genes;
    };
    std::vector<OfGroup> groups;
    KindFlags kinds;
};

void merge(PartialMoments& into, PartialMoments&& next) {
    into.kinds.add(next.kinds);
    for (auto& from : next.groups) {
        if (into.groups.empty() || into.groups.back().group != from.group) {
            into.groups.push_back(std::move(from));
            continue;
        }
        auto& genes = into.groups.back().genes;
        for (std::size_t gene = 0; gene < genes.size(); ++gene) {
            genes[gene].sum += from.genes[gene].sum;
            genes[gene].square += from.genes[gene].square;
        }
    }
}

/// Sums chunks of cells: `add_cell(chunk's group)` gives a function (cell, table of genes, kinds) that adds one cell.
template <class AddCells>
ValueKinds sum_by_cells(Size n_cells, Size n_genes, Size cells_per_chunk, const CellGroups& groups,
                        DenseView<double> sums, DenseView<double> squares, Threads threads, AddCells&& add_cells) {
    const GroupedCells cells(groups, n_cells, cells_per_chunk);
    const auto n_chunks = static_cast<Size>(cells.chunks().size());
    const PartialMoments total = parallel_reduce(
        n_chunks, Grain{1}, threads,
        [&](Range which) {
            const auto& chunk = cells.chunks()[static_cast<std::size_t>(which.begin_item)];
            PartialMoments partial;
            partial.groups.push_back({chunk.group, std::vector<Moments>(static_cast<std::size_t>(n_genes))});
            partial.kinds = add_cells(cells, chunk, partial.groups.back().genes.data());
            return partial;
        },
        merge);
    for (Size group = 0; group < sums.n_rows(); ++group) {
        std::ranges::fill(sums.row(group), 0.0);
        std::ranges::fill(squares.row(group), 0.0);
    }
    for (const auto& [group, genes] : total.groups) {
        for (Size gene = 0; gene < n_genes; ++gene) {
            sums(group, gene) = genes[static_cast<std::size_t>(gene)].sum;
            squares(group, gene) = genes[static_cast<std::size_t>(gene)].square;
        }
    }
    return total.kinds.finish();
}

/// Adds the entries of a gene to the moments of the groups of their cells. `cell_of(k)` is the cell of entry k.
template <class Value, class CellOf, class Cap>
void add_to_groups(const Value* values, Size n, CellOf&& cell_of, std::span<const std::int32_t> group_of_cell,
                   Cap&& cap, Moments* moments) {
    for (Size k = 0; k < n; ++k) {
        const std::int32_t group = group_of_cell[static_cast<std::size_t>(cell_of(k))];
        if (group < 0) continue;
        const double value = cap(static_cast<double>(values[k]), group);
        moments[group].sum += value;
        moments[group].square += value * value;
    }
}

/// Sum of the values and of their squares with four running sums each, in a fixed order.
template <class Value, class Cap>
void add_to_one(const Value* values, Size n, Cap&& cap, Moments& moments) {
    constexpr Size lanes = 4;
    std::array<double, lanes> sum{};
    std::array<double, lanes> square{};
    Size k = 0;
    for (; k + lanes <= n; k += lanes) {
        for (Size lane = 0; lane < lanes; ++lane) {
            const double value = cap(static_cast<double>(values[k + lane]), 0);
            sum[static_cast<std::size_t>(lane)] += value;
            square[static_cast<std::size_t>(lane)] += value * value;
        }
    }
    for (; k < n; ++k) {
        const double value = cap(static_cast<double>(values[k]), 0);
        sum[0] += value;
        square[0] += value * value;
    }
    moments.sum += (sum[0] + sum[1]) + (sum[2] + sum[3]);
    moments.square += (square[0] + square[1]) + (square[2] + square[3]);
}

/// The cap of one gene in whichever group an entry belongs to.
struct CapOfGroup {
    const DenseView<const double>* caps;
    Size gene;
    double operator()(double value, Size group) const {
        return caps == nullptr ? value : std::min(value, (*caps)(group, gene));
    }
};

/// Sums gene by gene. `line(gene)` gives the gene's values, and `cell_of(gene, k)` the cell of its entry k.
template <Number T, class Values, class CellOf>
ValueKinds sum_by_genes(Size n_genes, Size genes_per_chunk, const CellGroups& groups, const MomentsOptions& options,
                        DenseView<double> sums, DenseView<double> squares, Threads threads, Values&& values_of,
                        CellOf&& cell_of) {
    return with_reader<T>(options, [&](auto reader, auto&&) {
        const KindFlags kinds = parallel_reduce(
            n_genes, Grain{genes_per_chunk}, threads,
            [&](Range genes) {
                std::array<typename decltype(reader)::Value, block_size> buffer;
                std::vector<Moments> moments(static_cast<std::size_t>(groups.n_groups));
                KindFlags seen;
                for (const Size gene : genes) {
                    std::ranges::fill(moments, Moments{});
                    const std::span<const T> values = values_of(gene);
                    const CapOfGroup cap{options.caps, gene};
                    const auto n = static_cast<Size>(values.size());
                    for (Size begin = 0; begin < n; begin += block_size) {
                        const Size length = std::min(block_size, n - begin);
                        seen.add(look_at(values.data() + begin, length));
                        const auto* block = reader.read(values.data() + begin, length, buffer.data());
                        if (groups.of_cell.empty()) {
                            add_to_one(block, length, cap, moments[0]);
                        } else {
                            const auto cell = [&](Size k) { return cell_of(gene, begin + k); };
                            add_to_groups(block, length, cell, groups.of_cell, cap, moments.data());
                        }
                    }
                    for (Size group = 0; group < groups.n_groups; ++group) {
                        sums(group, gene) = moments[static_cast<std::size_t>(group)].sum;
                        squares(group, gene) = moments[static_cast<std::size_t>(group)].square;
                    }
                }
                return seen;
            },
            [](KindFlags& all, KindFlags&& more) { all.add(more); });
        return kinds.finish();
    });
}

/// Lines in a chunk of about entries_per_chunk entries.
Size lines_per_chunk(Size n_lines, Size n_entries) {
    const Size per_line = std::max<Size>(1, n_entries / std::max<Size>(1, n_lines));
    return std::max<Size>(1, entries_per_chunk / per_line);
}

}  // namespace

template <Number T, Index I>
ValueKinds sum_moments(CsrView<const T, I> cells, const CellGroups& groups, const MomentsOptions& options,
                       DenseView<double> sums, DenseView<double> squares, Threads threads) {
    return with_reader<T>(options, [&](auto reader, auto&& cap_of_group) {
        const auto add_cells = [&](const GroupedCells& order, const GroupedCells::Chunk& chunk, Moments* genes) {
            std::array<typename decltype(reader)::Value, block_size> buffer;
            const auto cap = cap_of_group(chunk.group);
            KindFlags seen;
            for (const Size place : chunk.places) {
                const auto line = cells.row(order.cell(place));
                for (Size begin = 0; begin < line.size(); begin += block_size) {
                    const Size length = std::min(block_size, line.size() - begin);
                    const I* indices = line.indices.data() + begin;
                    seen.add(look_at(line.values.data() + begin, length));
                    const auto* block = reader.read(line.values.data() + begin, length, buffer.data());
                    for (Size k = 0; k < length; ++k) {
                        const double value = cap(static_cast<double>(block[k]), static_cast<Size>(indices[k]));
                        Moments& gene = genes[indices[k]];
                        gene.sum += value;
                        gene.square += value * value;
                    }
                }
            }
            return seen;
        };
        return sum_by_cells(cells.n_rows(), cells.n_cols(), lines_per_chunk(cells.n_rows(), cells.nnz()), groups, sums,
                            squares, threads, add_cells);
    });
}

template <Number T, Index I>
ValueKinds sum_moments(CscView<const T, I> cells, const CellGroups& groups, const MomentsOptions& options,
                       DenseView<double> sums, DenseView<double> squares, Threads threads) {
    const Size genes_per_chunk = std::clamp<Size>(lines_per_chunk(cells.n_cols(), cells.nnz()) / 4, 1, 256);
    return sum_by_genes<T>(
        cells.n_cols(), genes_per_chunk, groups, options, sums, squares, threads,
        [&](Size gene) { return cells.col(gene).values; },
        [&](Size gene, Size k) { return static_cast<Size>(cells.indices()[cells.begin(gene) + k]); });
}

template <Number T>
ValueKinds sum_moments(DenseView<const T> cells, const CellGroups& groups, const MomentsOptions& options,
                       DenseView<double> sums, DenseView<double> squares, Threads threads) {
    return with_reader<T>(options, [&](auto reader, auto&& cap_of_group) {
        const auto add_cells = [&](const GroupedCells& order, const GroupedCells::Chunk& chunk, Moments* genes) {
            std::array<typename decltype(reader)::Value, block_size> buffer;
            const auto cap = cap_of_group(chunk.group);
            KindFlags seen;
            // Blocks of genes outside, so that their table stays in the first-level cache while the cells go by.
            for (Size begin = 0; begin < cells.n_cols(); begin += block_size) {
                const Size length = std::min(block_size, cells.n_cols() - begin);
                for (const Size place : chunk.places) {
                    const T* const values = cells.row_data(order.cell(place)) + begin;
                    seen.add(look_at(values, length));
                    const auto* block = reader.read(values, length, buffer.data());
                    for (Size k = 0; k < length; ++k) {
                        const double value = cap(static_cast<double>(block[k]), begin + k);
                        genes[begin + k].sum += value;
                        genes[begin + k].square += value * value;
                    }
                }
            }
            return seen;
        };
        return sum_by_cells(cells.n_rows(), cells.n_cols(),
                            lines_per_chunk(cells.n_rows(), cells.n_rows() * cells.n_cols()), groups, sums, squares,
                            threads, add_cells);
    });
}

template <Number T>
ValueKinds sum_moments_of_rows(DenseView<const T> genes, const CellGroups& groups, const MomentsOptions& options,
                               DenseView<double> sums, DenseView<double> squares, Threads threads) {
    const Size genes_per_chunk =
        std::clamp<Size>(lines_per_chunk(genes.n_rows(), genes.n_rows() * genes.n_cols()) / 4, 1, 256);
    return sum_by_genes<T>(
        genes.n_rows(), genes_per_chunk, groups, options, sums, squares, threads,
        [&](Size gene) { return std::span<const T>(genes.row(gene)); }, [](Size, Size k) { return k; });
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
