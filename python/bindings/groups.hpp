#pragma once
#include <cstdint>

#include "arrays.hpp"
#include "core/error.hpp"
#include "sparse/moments.hpp"

namespace cellweave::bindings {

/// The groups of cells, checked: a kernel counts in tables of n_groups.
inline CellGroups cell_groups(const Array<std::int32_t>& of_cell, Size n_cells, Size n_groups) {
    require(of_cell.size() == n_cells, "groups: expected one number a cell");
    for (const std::int32_t group : vector(of_cell)) require(group < n_groups, "groups: a number is too large");
    return {vector(of_cell), n_groups};
}

}  // namespace cellweave::bindings
