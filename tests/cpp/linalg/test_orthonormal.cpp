#include "check.hpp"
#include "linalg/orthonormal.hpp"
#include "linalg/random_matrices.hpp"

using namespace cellweave;
using namespace cellweave::testing;

namespace {

template <class S>
void check_basis(RowMatrix<S> columns, double tolerance) {
    const RowMatrix<S> before = columns;
    const Eigen::MatrixXd factor = orthonormalize(as_view(columns), Threads{2});
    const Eigen::MatrixXd basis = columns.template cast<double>();
    CHECK(largest_difference(basis.transpose() * basis, Eigen::MatrixXd::Identity(basis.cols(), basis.cols())) <
          tolerance);
    CHECK(largest_difference(basis * factor, before) <
          tolerance * (1.0 + static_cast<double>(before.cwiseAbs().maxCoeff())));
    CHECK(factor.isUpperTriangular());
}

}  // namespace

TEST("orthonormalize: well-conditioned columns") {
    check_basis<double>(random_dense<double>(3000, 40, 1), 1e-12);
    check_basis<float>(random_dense<float>(3000, 40, 1), 1e-5);
}

TEST("orthonormalize: columns of very different lengths") {
    RowMatrix<double> columns = random_dense<double>(1000, 20, 2);
    for (Size k = 0; k < 20; ++k) columns.col(k) *= std::pow(10.0, static_cast<double>(k) - 10.0);
    check_basis<double>(columns, 1e-12);
}

TEST("orthonormalize: dependent and zero columns still give an orthonormal basis") {
    RowMatrix<double> columns = random_dense<double>(500, 10, 3);
    columns.col(7) = columns.col(2) + columns.col(3);
    columns.col(9).setZero();
    check_basis<double>(columns, 1e-12);
    check_basis<float>(columns.cast<float>(), 1e-5);
    check_basis<double>(RowMatrix<double>::Zero(50, 4), 1e-12);
}

TEST("orthonormalize: nearly dependent columns") {
    RowMatrix<double> columns = random_dense<double>(500, 6, 4);
    columns.col(5) = columns.col(0) + 1e-10 * columns.col(5);
    check_basis<double>(columns, 1e-12);
}

TEST("basis_of_columns: as many as are independent, at any scale and shape") {
    const auto check = [](const RowMatrix<double>& columns, Size rank) {
        const Eigen::MatrixXd basis = basis_of_columns(as_view(columns), Threads{2});
        CHECK(basis.rows() == columns.rows());
        CHECK(basis.cols() == rank);
        CHECK(largest_difference(basis.transpose() * basis, Eigen::MatrixXd::Identity(rank, rank)) < 1e-12);
        const Eigen::MatrixXd left = columns - basis * (basis.transpose() * columns);
        CHECK(largest_difference(left, Eigen::MatrixXd::Zero(columns.rows(), columns.cols())) <=
              1e-12 * (columns.size() > 0 ? columns.cwiseAbs().maxCoeff() : 1.0));
    };
    RowMatrix<double> columns = random_dense<double>(700, 5, 5);
    check(columns, 5);
    columns.col(1) *= 1e200;
    columns.col(2) *= 1e-200;
    check(columns, 5);
    columns.col(3) = columns.col(0) - columns.col(4);
    check(columns, 4);
    columns.col(0).setZero();
    check(columns, 4);
    check(RowMatrix<double>::Zero(10, 3), 0);
    check(random_dense<double>(2, 6, 6), 2);
    check(RowMatrix<double>(0, 3), 0);
}
