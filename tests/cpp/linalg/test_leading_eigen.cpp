#include <Eigen/Eigenvalues>

#include "check.hpp"
#include "linalg/gram.hpp"
#include "linalg/leading_eigen.hpp"
#include "linalg/random_matrices.hpp"

using namespace cellweave;
using namespace cellweave::testing;

namespace {

RowMatrix<double> gram(const RowMatrix<double>& matrix) {
    return gram_of_filled<double>(matrix.rows(), matrix.cols(), Threads{2}, [&](Range rows, DenseView<double> block) {
        as_eigen(block) = matrix.middleRows(rows.begin_item, rows.size());
    });
}

/// Angle-free comparison: residuals, orthonormality and eigenvalues against a complete decomposition.
void check_pairs(const RowMatrix<double>& matrix, Size k) {
    const LeadingEigen found = leading_eigen(matrix, k, Threads{2});
    const Eigen::VectorXd exact = Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(Eigen::MatrixXd(matrix)).eigenvalues();
    const double scale = exact.cwiseAbs().maxCoeff() + 1e-300;
    CHECK(found.has_converged);
    CHECK(largest_difference(found.values, exact.tail(k).reverse()) < 1e-10 * scale);
    CHECK(largest_difference(matrix * found.vectors, found.vectors * found.values.asDiagonal()) < 1e-7 * scale);
    CHECK(largest_difference(found.vectors.transpose() * found.vectors, Eigen::MatrixXd::Identity(k, k)) < 1e-10);
}

}  // namespace

TEST("gram: equals the definition for any width") {
    for (const Size n_cols : {1, 17, 300}) {
        const RowMatrix<double> matrix = random_dense<double>(9000, n_cols, 1);
        CHECK(largest_difference(gram(matrix), matrix.transpose() * matrix) < 1e-9);
    }
}

TEST("leading_eigen: small matrices, completely") {
    check_pairs(gram(random_dense<double>(200, 50, 1)), 50);
}

TEST("leading_eigen: noise, where eigenvalues crowd") {
    check_pairs(gram(random_dense<double>(1500, 500, 2)), 20);
}

TEST("leading_eigen: signals far apart over noise") {
    RowMatrix<double> matrix = random_dense<double>(1000, 450, 3);
    for (Size k = 0; k < 10; ++k) matrix.col(k) *= std::pow(3.0, static_cast<double>(k));
    check_pairs(gram(matrix), 12);
}

TEST("leading_eigen: a rank below the number of components, equal eigenvalues, zero") {
    const RowMatrix<double> low_rank = random_dense<double>(600, 5, 4) * random_dense<double>(5, 450, 5);
    check_pairs(gram(low_rank), 12);
    check_pairs(RowMatrix<double>::Identity(450, 450), 8);
    check_pairs(RowMatrix<double>::Zero(450, 450), 8);
}

TEST("leading_eigen: the same bytes for any number of threads") {
    const RowMatrix<double> matrix = gram(random_dense<double>(1500, 450, 6));
    const LeadingEigen one = leading_eigen(matrix, 10, Threads{1});
    for (const int threads : {2, 3, 8}) CHECK(leading_eigen(matrix, 10, Threads{threads}).vectors == one.vectors);
}
