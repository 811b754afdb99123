#pragma once
#include <string>

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

}  // namespace cellweave
