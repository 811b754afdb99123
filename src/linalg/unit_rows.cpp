#include "linalg/unit_rows.hpp"

#include "linalg/eigen_views.hpp"

namespace cellweave {

void unit_rows(DenseView<const double> rows, DenseView<double> out, Threads threads) {
    assert(out.n_rows() == rows.n_rows() && out.n_cols() == rows.n_cols());
    parallel_for(rows.n_rows(), Grain{1024}, threads, [&](Range range) {
        const auto from = as_eigen(rows.rows(range.begin_item, range.end_item));
        auto to = as_eigen(out.rows(range.begin_item, range.end_item));
        for (Size row = 0; row < range.size(); ++row) {
            const double length = from.row(row).norm();
            to.row(row) = from.row(row) / (length > 0.0 ? length : 1.0);
        }
    });
}

}  // namespace cellweave
