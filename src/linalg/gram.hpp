#pragma once
#include <algorithm>

#include "core/monitor.hpp"
#include "core/parallel.hpp"
#include "core/views.hpp"
#include "linalg/eigen_views.hpp"

namespace cellweave {

/// sum += block^T block, in the lower triangle and its tiles only. Each tile of `sum` has one owner, so the order of
/// the additions does not depend on threads: a block is multiplied in S, and blocks meet in double.
template <Real S>
void add_gram(DenseView<const S> block, RowMatrix<double>& sum, Threads threads);

/// Copies the lower triangle onto the upper one.
void mirror_lower_triangle(RowMatrix<double>& matrix, Threads threads);

/// M^T M of a matrix M that is never held: `fill(Range rows, DenseView<S> block)` writes some of its rows.
///
/// Cost: n_rows x n_cols^2 flops (the lower triangle) at the speed of dense products. Scratch: one block of 2^21
/// values. Determinism: block and tile bounds depend on the shape alone.
template <Real S, class Fill>
RowMatrix<double> gram_of_filled(Size n_rows, Size n_cols, Threads threads, Fill&& fill) {
    RowMatrix<double> sum = zeros<double>(n_cols, n_cols);
    const Size rows_per_block = std::clamp<Size>((Size{1} << 21) / std::max<Size>(n_cols, 1), 128, 4096);
    RowMatrix<S> block(std::min(rows_per_block, n_rows), n_cols);
    Progress stage("covariance of genes", n_rows);
    for (Size begin = 0; begin < n_rows; begin += rows_per_block) {
        const Size n_filled = std::min(rows_per_block, n_rows - begin);
        parallel_for(n_filled, Grain{16}, threads, [&](Range rows) {
            fill(Range{begin + rows.begin_item, begin + rows.end_item},
                 as_view(block).rows(rows.begin_item, rows.end_item));
        });
        add_gram(DenseView<const S>(as_view(block).rows(0, n_filled)), sum, threads);
        stage.advance(n_filled);
    }
    mirror_lower_triangle(sum, threads);
    return sum;
}

}  // namespace cellweave
