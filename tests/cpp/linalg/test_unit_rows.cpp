#include <cmath>

#include "check.hpp"
#include "linalg/random_matrices.hpp"
#include "linalg/unit_rows.hpp"

using namespace cellweave;
using namespace cellweave::testing;

TEST("unit_rows: every row has length one and its direction") {
    constexpr Size n_rows = 2500;
    constexpr Size n_cols = 7;
    const RowMatrix<double> rows = random_dense<double>(n_rows, n_cols, 1);
    RowMatrix<double> units(n_rows, n_cols);
    unit_rows(as_view(rows), as_view(units), Threads{2});
    const Eigen::VectorXd lengths = rows.rowwise().norm();
    CHECK((units.rowwise().norm().array() - 1).abs().maxCoeff() < 1e-15);
    CHECK((units - lengths.cwiseInverse().asDiagonal() * rows).cwiseAbs().maxCoeff() < 1e-15);
}

TEST("unit_rows: a row of zeros stays") {
    RowMatrix<double> rows = random_dense<double>(3, 4, 2);
    rows.row(1).setZero();
    RowMatrix<double> units(3, 4);
    unit_rows(as_view(std::as_const(rows)), as_view(units), Threads{1});
    CHECK(units.row(1).isZero(0));
    CHECK(std::abs(units.row(2).norm() - 1) < 1e-15);
}
