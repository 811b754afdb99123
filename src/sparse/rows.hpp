#pragma once
#include <algorithm>
#include <span>

#include "core/views.hpp"

/// Rows of a matrix of any layout as doubles, for steps that write a dense result.
namespace cellweave {

/// Copies a row to doubles; absent entries are zeros, repeated ones are added.
template <class T, class I>
void unpack_row(const CsrView<const T, I>& x, Size row, std::span<double> values) {
    std::fill(values.begin(), values.end(), 0.0);
    const auto line = x.row(row);
    for (std::size_t k = 0; k < line.values.size(); ++k)
        values[static_cast<std::size_t>(line.indices[k])] += static_cast<double>(line.values[k]);
}

template <class T>
void unpack_row(const DenseView<const T>& x, Size row, std::span<double> values) {
    std::copy_n(x.row_data(row), values.size(), values.begin());
}

}  // namespace cellweave
