#pragma once
#include <algorithm>
#include <span>

#include "core/views.hpp"

/// Rows of a matrix of any layout as dense ones, for steps that write a dense result.
namespace cellweave {

/// Copies a row to `values`; absent entries are zeros, repeated ones are added.
template <class T, class I, class Out>
void unpack_row(const CsrView<const T, I>& x, Size row, std::span<Out> values) {
    std::fill(values.begin(), values.end(), Out{0});
    const auto line = x.row(row);
    for (std::size_t k = 0; k < line.values.size(); ++k)
        values[static_cast<std::size_t>(line.indices[k])] += static_cast<Out>(line.values[k]);
}

/// Copies a row to `values`, unless they are that row.
template <class T, class Out>
void unpack_row(const DenseView<const T>& x, Size row, std::span<Out> values) {
    if (static_cast<const void*>(x.row_data(row)) == values.data()) return;
    std::copy_n(x.row_data(row), values.size(), values.begin());
}

}  // namespace cellweave
