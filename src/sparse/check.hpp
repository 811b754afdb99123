#pragma once
#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <type_traits>

#include "core/error.hpp"
#include "core/parallel.hpp"
#include "core/views.hpp"

namespace cellweave {

/// Checks that a compressed matrix can be read without leaving its arrays.
///
/// Cost: one read of `indices`. Indices within a line may be in any order.
///
/// @param n_stored  length of both `data` and `indices`.
/// @param name      how the caller knows the matrix; starts the message.
/// @throws InvalidInput  indptr does not start at 0, falls, or points past the data; an index is negative or too large.
template <class I>
void check_structure(const I* indices, const I* indptr, Size n_lines, Size line_length, Size n_stored,
                     const std::string& name, Threads threads);

/// Checks indptr alone, in one read of it: enough for kernels that never follow an index.
/// @throws InvalidInput  indptr does not start at 0, falls, or points past the data.
template <class I>
void check_lines(const I* indptr, Size n_lines, Size n_stored, const std::string& name, Threads threads);

/// Checks the indices of a matrix whose lines have been checked, in one read of them.
/// @throws InvalidInput  an index is negative or too large.
template <class I>
void check_indices(const I* indices, Size nnz, Size line_length, const std::string& name, Threads threads);

/// Thrown by a kernel that checks the indices as it goes; the caller knows the matrix's name and says more.
class IndexOutOfRange : public InvalidInput {
public:
    IndexOutOfRange() : InvalidInput("an index of a sparse matrix lies outside of it") {}
};

/// Throws IndexOutOfRange unless all of `indices` lie in [0, line_length). For a kernel to call just before it uses
/// them, while they are in the cache: that saves the separate pass over memory.
template <class I>
void require_indices_below(std::span<const I> indices, Size line_length) {
    // Branch-free, so that the compiler vectorises it: a negative index is a huge unsigned one.
    using Unsigned = std::make_unsigned_t<I>;
    Unsigned largest = 0;
    for (const I index : indices) largest = std::max(largest, static_cast<Unsigned>(index));
    if (indices.empty() || static_cast<std::uint64_t>(largest) < static_cast<std::uint64_t>(line_length)) return;
    throw IndexOutOfRange();
}

/// Does the same, and says whether each index is greater than the one before it: scipy's canonical format.
template <class I>
bool rises_within(std::span<const I> indices, Size line_length) {
    unsigned n_falls = 0;
    for (std::size_t k = 1; k < indices.size(); ++k) n_falls |= static_cast<unsigned>(indices[k] <= indices[k - 1]);
    const bool is_rising = n_falls == 0;
    if (is_rising && !indices.empty()) {
        const std::array<I, 2> ends{indices.front(), indices.back()};
        require_indices_below(std::span<const I>(ends), line_length);
    } else {
        require_indices_below(indices, line_length);
    }
    return is_rising;
}

/// Whether the indices of every line rise, in one read of them: scipy's canonical format. The lines have been checked.
/// @throws IndexOutOfRange  an index lies outside of the matrix.
template <class I>
bool is_canonical(const I* indices, const I* indptr, Size n_lines, Size line_length, Threads threads);

}  // namespace cellweave
