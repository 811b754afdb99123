#include "sparse/check.hpp"

#include "core/chunks.hpp"

namespace cellweave {

namespace {
constexpr Grain lines_per_chunk{65536};
constexpr Grain entries_per_chunk{1 << 20};

/// True until told otherwise.
struct Rising {
    bool is_rising = true;
    void add(bool is_more_rising) { is_rising = is_rising && is_more_rising; }
};

const std::string remedy = ". Rebuild the matrix, or repair it with scipy's check_format().";
}  // namespace

template <class I>
void check_lines(const I* indptr, Size n_lines, Size n_stored, const std::string& name, Threads threads) {
    require(indptr[0] == 0, name + ": indptr starts at " + std::to_string(indptr[0]) + ", expected 0" + remedy);
    parallel_for(n_lines, lines_per_chunk, threads, [&](Range lines) {
        for (const Size line : lines) {
            if (indptr[line] <= indptr[line + 1]) continue;
            throw InvalidInput(name + ": indptr falls from " + std::to_string(indptr[line]) + " to " +
                               std::to_string(indptr[line + 1]) + " at line " + std::to_string(line) + remedy);
        }
    });
    const Size nnz = static_cast<Size>(indptr[n_lines]);
    require(nnz <= n_stored, name + ": indptr ends at " + std::to_string(nnz) + ", but only " +
                                 std::to_string(n_stored) + " values are stored" + remedy);
}

template <class I>
void check_indices(const I* indices, Size nnz, Size line_length, const std::string& name, Threads threads) {
    parallel_for(nnz, entries_per_chunk, threads, [&](Range entries) {
        try {
            require_indices_below(std::span<const I>(indices + entries.begin_item, indices + entries.end_item),
                                  line_length);
        } catch (const IndexOutOfRange&) {
            for (const Size k : entries) {
                if (indices[k] >= 0 && static_cast<Size>(indices[k]) < line_length) continue;
                throw InvalidInput(name + ": index " + std::to_string(indices[k]) + " at position " +
                                   std::to_string(k) + " lies outside 0 to " + std::to_string(line_length - 1) +
                                   remedy);
            }
        }
    });
}

template <class I>
void check_structure(const I* indices, const I* indptr, Size n_lines, Size line_length, Size n_stored,
                     const std::string& name, Threads threads) {
    check_lines(indptr, n_lines, n_stored, name, threads);
    check_indices(indices, static_cast<Size>(indptr[n_lines]), line_length, name, threads);
}

template <class I>
bool is_canonical(const I* indices, const I* indptr, Size n_lines, Size line_length, Threads threads) {
    const Grain grain = chunk_of_lines(n_lines, static_cast<Size>(indptr[n_lines]), entries_per_chunk.size);
    return parallel_reduce(
               n_lines, grain, threads,
               [&](Range lines) {
                   Rising all;
                   for (const Size line : lines)
                       all.add(rises_within(std::span<const I>(indices + indptr[line], indices + indptr[line + 1]),
                                            line_length));
                   return all;
               },
               [](Rising& all, Rising&& more) { all.add(more.is_rising); })
        .is_rising;
}

#define CELLWEAVE_INSTANTIATE(I)                                                       \
    template void check_lines<I>(const I*, Size, Size, const std::string&, Threads);   \
    template void check_indices<I>(const I*, Size, Size, const std::string&, Threads); \
    template bool is_canonical<I>(const I*, const I*, Size, Size, Threads);            \
    template void check_structure<I>(const I*, const I*, Size, Size, Size, const std::string&, Threads);
CELLWEAVE_INSTANTIATE(std::int32_t)
CELLWEAVE_INSTANTIATE(std::int64_t)
#undef CELLWEAVE_INSTANTIATE

}  // namespace cellweave
