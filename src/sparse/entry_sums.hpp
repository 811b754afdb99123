#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "core/fetch.hpp"
#include "core/parallel.hpp"
#include "core/views.hpp"
#include "sparse/check.hpp"
#include "sparse/moments.hpp"

/// How the entries of a matrix are added up per gene and group of cells, in any layout: shared by the files that decide
/// what is added (moments.cpp, pearson_residuals.cpp).
///
/// A `Reader` turns a block of stored values into what is to be added: `using Value`, and
/// `const Value* read(const T* values, Size n, Value* buffer) const`, and tells their kinds:
/// `KindFlags kinds(const T* values, Size n) const`. An `Adder` adds one entry:
/// `void operator()(Moments& into, double value, Size cell, Size gene, Size group) const`.
namespace cellweave::entry_sums {

/// Values handled between two looks at anything else: they and their transforms stay in the first-level cache.
constexpr Size block_size = 1024;
/// Entries in a chunk: about 5 ms of work, and enough to make the table of a partial sum cheap beside it.
constexpr Size entries_per_chunk = Size{1} << 21;

struct Moments {
    double sum = 0;
    double square = 0;

    void add(const Moments& other) {
        sum += other.sum;
        square += other.square;
    }
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
    KindFlags kinds(const T* values, Size n) const { return look_at(values, n); }
};

/// The same where it is known already what kinds of values there are, and nobody asks again.
template <Number T>
struct AsStoredAndKnown : AsStored<T> {
    KindFlags kinds(const T*, Size) const { return {}; }
};

/// Chunks of cells that each lie within one group, and the cells in the order of their groups.
class GroupedCells {
public:
    struct Chunk {
        Size group;
        Range places;
    };

    GroupedCells(const CellGroups& groups, Size n_cells, Size cells_per_chunk);

    const std::vector<Chunk>& chunks() const { return chunks_; }
    Size cell(Size place) const { return order_.empty() ? place : order_[static_cast<std::size_t>(place)]; }

private:
    /// Fills the order; returns where each group ends in it.
    std::vector<Size> sort_cells(const CellGroups& groups, Size n_cells);

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

void merge(PartialMoments& into, PartialMoments&& next);

/// Where the results go: groups x genes.
struct Results {
    DenseView<double> sums;
    DenseView<double> squares;

    void set(Size group, Size gene, const Moments& moments) const {
        sums(group, gene) = moments.sum;
        squares(group, gene) = moments.square;
    }
    void set(const PartialMoments& total) const;
};

/// Lines in a chunk of about entries_per_chunk entries.
inline Size lines_per_chunk(Size n_lines, Size n_entries) {
    const Size per_line = std::max<Size>(1, n_entries / std::max<Size>(1, n_lines));
    return std::max<Size>(1, entries_per_chunk / per_line);
}

/// Sums chunk by chunk of cells: `add_cells(cells, chunk, table of genes)` returns the kinds of values it met.
template <class AddCells>
ValueKinds by_cells(Size n_cells, Size n_genes, Size n_entries, const CellGroups& groups, const Results& results,
                    Threads threads, AddCells&& add_cells) {
    const GroupedCells cells(groups, n_cells, lines_per_chunk(n_cells, n_entries));
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
    results.set(total);
    return total.kinds.finish();
}

/// Sums gene by gene. `values_of(gene)` are the gene's values, and `cell_of(gene, k)` is the cell of its k-th.
template <Number T, class Reader, class Adder, class Values, class CellOf>
ValueKinds by_genes(Size n_genes, Size n_entries, const CellGroups& groups, const Reader& reader, const Adder& adder,
                    const Results& results, Threads threads, Values&& values_of, CellOf&& cell_of) {
    constexpr Size lanes = 4;  // running sums side by side, in a fixed order, where there is one group
    const Grain grain{std::clamp<Size>(lines_per_chunk(n_genes, n_entries) / 4, 1, 256)};
    const auto sum_chunk = [&](Range genes) {
        std::array<typename Reader::Value, block_size> buffer;
        std::vector<Moments> moments(static_cast<std::size_t>(std::max(lanes, groups.n_groups)));
        KindFlags seen;
        for (const Size gene : genes) {
            std::ranges::fill(moments, Moments{});
            const std::span<const T> values = values_of(gene);
            const auto n = static_cast<Size>(values.size());
            for (Size begin = 0; begin < n; begin += block_size) {
                const Size length = std::min(block_size, n - begin);
                seen.add(reader.kinds(values.data() + begin, length));
                const auto* block = reader.read(values.data() + begin, length, buffer.data());
                if (groups.of_cell.empty()) {
                    for (Size k = 0; k < length; ++k) {
                        Moments& lane = moments[static_cast<std::size_t>(k % lanes)];
                        adder(lane, static_cast<double>(block[k]), cell_of(gene, begin + k), gene, Size{0});
                    }
                    continue;
                }
                for (Size k = 0; k < length; ++k) {
                    const Size cell = cell_of(gene, begin + k);
                    const std::int32_t group = groups.of_cell[static_cast<std::size_t>(cell)];
                    if (group < 0) continue;
                    Moments& into = moments[static_cast<std::size_t>(group)];
                    adder(into, static_cast<double>(block[k]), cell, gene, Size{group});
                }
            }
            if (groups.of_cell.empty()) {
                for (std::size_t lane = 1; lane < lanes; ++lane) moments[0].add(moments[lane]);
            }
            for (Size group = 0; group < groups.n_groups; ++group) {
                results.set(group, gene, moments[static_cast<std::size_t>(group)]);
            }
        }
        return seen;
    };
    const auto merge_kinds = [](KindFlags& all, KindFlags&& more) { all.add(more); };
    return parallel_reduce(n_genes, grain, threads, sum_chunk, merge_kinds).finish();
}

template <Number T, Index I, class Reader, class Adder>
ValueKinds sum(CsrView<const T, I> cells, const CellGroups& groups, const Reader& reader, const Adder& adder,
               const Results& results, Threads threads) {
    const auto add_cells = [&](const GroupedCells& order, const GroupedCells::Chunk& chunk, Moments* genes) {
        const Adder add = adder;  // a copy, so that its members stay in registers
        std::array<typename Reader::Value, block_size> buffer;
        KindFlags seen;
        for (const Size place : chunk.places) {
            const Size cell = order.cell(place);
            const auto line = cells.row(cell);
            const Size next_line = cells.begin(order.cell(std::min(place + 1, chunk.places.end_item - 1)));
            require_indices_below(line.indices, cells.n_cols());
            for (Size begin = 0; begin < line.size(); begin += block_size) {
                const Size length = std::min(block_size, line.size() - begin);
                const I* indices = line.indices.data() + begin;
                const T* values = line.values.data() + begin;
                const Size next = begin + length < line.size() ? cells.begin(cell) + begin + length : next_line;
                seen.add(reader.kinds(values, length));
                const auto* block = reader.read(values, length, buffer.data());
                const auto add_entry = [&](Size k) {
                    const auto gene = static_cast<Size>(indices[k]);
                    add(genes[gene], static_cast<double>(block[k]), cell, gene, chunk.group);
                };
                each_while_fetching(length, add_entry, cells.indices() + next, cells.data() + next);
            }
        }
        return seen;
    };
    return by_cells(cells.n_rows(), cells.n_cols(), cells.nnz(), groups, results, threads, add_cells);
}

template <Number T, Index I, class Reader, class Adder>
ValueKinds sum(CscView<const T, I> cells, const CellGroups& groups, const Reader& reader, const Adder& adder,
               const Results& results, Threads threads) {
    return by_genes<T>(
        cells.n_cols(), cells.nnz(), groups, reader, adder, results, threads,
        [&](Size gene) {
            const auto line = cells.col(gene);
            require_indices_below(line.indices, cells.n_rows());
            return line.values;
        },
        [&](Size gene, Size k) { return static_cast<Size>(cells.indices()[cells.begin(gene) + k]); });
}

template <Number T, class Reader, class Adder>
ValueKinds sum(DenseView<const T> cells, const CellGroups& groups, const Reader& reader, const Adder& adder,
               const Results& results, Threads threads) {
    const auto add_cells = [&](const GroupedCells& order, const GroupedCells::Chunk& chunk, Moments* genes) {
        const Adder add = adder;
        std::array<typename Reader::Value, block_size> buffer;
        KindFlags seen;
        // Blocks of genes outside, so that their table stays in the first-level cache while the cells go by.
        for (Size begin = 0; begin < cells.n_cols(); begin += block_size) {
            const Size length = std::min(block_size, cells.n_cols() - begin);
            for (const Size place : chunk.places) {
                const Size cell = order.cell(place);
                const T* const values = cells.row_data(cell) + begin;
                seen.add(reader.kinds(values, length));
                const auto* block = reader.read(values, length, buffer.data());
                for (Size k = 0; k < length; ++k) {
                    add(genes[begin + k], static_cast<double>(block[k]), cell, begin + k, chunk.group);
                }
            }
        }
        return seen;
    };
    const Size n_entries = cells.n_rows() * cells.n_cols();
    return by_cells(cells.n_rows(), cells.n_cols(), n_entries, groups, results, threads, add_cells);
}

/// A dense matrix that lies gene by gene (genes x cells).
template <Number T, class Reader, class Adder>
ValueKinds sum_of_rows(DenseView<const T> genes, const CellGroups& groups, const Reader& reader, const Adder& adder,
                       const Results& results, Threads threads) {
    return by_genes<T>(
        genes.n_rows(), genes.n_rows() * genes.n_cols(), groups, reader, adder, results, threads,
        [&](Size gene) { return std::span<const T>(genes.row(gene)); }, [](Size, Size k) { return k; });
}

}  // namespace cellweave::entry_sums
