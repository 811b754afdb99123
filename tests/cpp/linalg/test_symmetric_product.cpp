#include <limits>

#include "check.hpp"
#include "linalg/random_matrices.hpp"
#include "linalg/symmetric_product.hpp"

using namespace cellweave;
using namespace cellweave::testing;

namespace {

RowMatrix<double> product(const RowMatrix<double>& matrix, const RowMatrix<double>& thin, int n_threads) {
    RowMatrix<double> out = RowMatrix<double>::Constant(matrix.rows(), thin.cols(), -7);
    multiply_symmetric(as_view(matrix), as_view(thin), as_view(out), Threads{n_threads});
    return out;
}

RowMatrix<double> random_symmetric(Size n) {
    const RowMatrix<double> matrix = random_dense<double>(n, n, 1);
    return matrix + matrix.transpose();
}

}  // namespace

TEST("multiply_symmetric: equals the definition for any shape") {
    for (const Size n : {1, 3, 4, 63, 64, 65, 130, 301}) {
        for (const Size n_cols : {1, 8, 13}) {
            const RowMatrix<double> matrix = random_symmetric(n);
            const RowMatrix<double> thin = random_dense<double>(n, n_cols, 2);
            CHECK(largest_difference(product(matrix, thin, 2), matrix * thin) < 1e-11);
        }
    }
}

TEST("multiply_symmetric: what lies above the diagonal is not read") {
    const RowMatrix<double> matrix = random_symmetric(90);
    RowMatrix<double> lower = matrix;
    lower.triangularView<Eigen::StrictlyUpper>().setConstant(std::numeric_limits<double>::quiet_NaN());
    const RowMatrix<double> thin = random_dense<double>(90, 8, 3);
    CHECK(largest_difference(product(lower, thin, 2), matrix * thin) < 1e-11);
}

TEST("multiply_symmetric: the same bytes for any number of threads") {
    const RowMatrix<double> matrix = random_symmetric(500);
    const RowMatrix<double> thin = random_dense<double>(500, 8, 4);
    const RowMatrix<double> alone = product(matrix, thin, 1);
    for (const int n_threads : {2, 3, 8}) CHECK(product(matrix, thin, n_threads) == alone);
}
