#pragma once
#include <algorithm>
#include <span>

#include "core/fetch.hpp"
#include "core/views.hpp"
#include "sparse/check.hpp"

/// Rows of a matrix of any layout as dense ones, for steps that write a dense result.
namespace cellweave {

/// Copies a row to `values`; absent entries are zeros, repeated ones are added. What follows it in the matrix is
/// fetched.
/// @throws IndexOutOfRange  see sparse/check.hpp.
template <class T, class I, class Out>
void unpack_row(const CsrView<const T, I>& x, Size row, std::span<Out> values) {
    const auto line = x.row(row);
    require_indices_below(line.indices, x.n_cols());
    std::ranges::fill(values, Out{0});
    const auto add = [&](Size entry) {
        const auto k = static_cast<std::size_t>(entry);
        values[static_cast<std::size_t>(line.indices[k])] += static_cast<Out>(line.values[k]);
    };
    each_while_fetching(line.size(), add, line.indices.data() + line.size(), line.values.data() + line.size());
}

/// Copies a row to `values`, unless they are that row.
template <class T, class Out>
void unpack_row(const DenseView<const T>& x, Size row, std::span<Out> values) {
    if (static_cast<const void*>(x.row_data(row)) == values.data()) return;
    std::copy_n(x.row_data(row), values.size(), values.begin());
}

}  // namespace cellweave
