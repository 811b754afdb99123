#include <algorithm>
#include <cmath>

#include "check.hpp"
#include "integrate/embed_cells.hpp"
#include "linalg/random_matrices.hpp"

using namespace cellweave;
using namespace cellweave::testing;

namespace {

/// Distances between cells in the whole centred space and among their coordinates, where the rank allows all of it.
template <class S>
double largest_change_of_a_distance() {
    constexpr Size n_cells = 90;
    constexpr Size n_genes = 40;
    constexpr Size rank = 5;
    const RowMatrix<double> dense = random_dense<double>(n_cells, rank, 1) * random_dense<double>(rank, n_genes, 2);
    OwnedCsr<double, std::int32_t> cells;
    cells.data.assign(dense.data(), dense.data() + dense.size());
    cells.n_cols = n_genes;
    for (Size cell = 0; cell < n_cells; ++cell) {
        for (Size gene = 0; gene < n_genes; ++gene) cells.indices.push_back(static_cast<std::int32_t>(gene));
        cells.indptr.push_back(static_cast<std::int32_t>(cells.indices.size()));
    }

    const RowMatrix<S> start = random_dense<S>(n_genes, rank + 3, 3);
    RowMatrix<double> coordinates(n_cells, rank);
    embed_cells(cells.view(), as_view(std::as_const(start)), as_view(coordinates), Threads{2});

    double largest = 0.0;
    for (Size a = 0; a < n_cells; ++a) {
        for (Size b = 0; b < a; ++b) {
            const double before = (dense.row(a) - dense.row(b)).norm();
            const double after = (coordinates.row(a) - coordinates.row(b)).norm();
            largest = std::max(largest, std::abs(after - before) / before);
        }
    }
    return largest;
}

}  // namespace

TEST("embed_cells: coordinates keep the distances that their dimensions can hold") {
    CHECK(largest_change_of_a_distance<double>() < 1e-10);
    CHECK(largest_change_of_a_distance<float>() < 1e-4);
}
