#include <Eigen/SVD>

#include "check.hpp"
#include "core/error.hpp"
#include "linalg/random_matrices.hpp"
#include "linalg/randomized_svd.hpp"

using namespace cellweave;
using namespace cellweave::testing;

namespace {

/// A matrix whose rank the start exceeds is decomposed exactly, by either branch.
template <class S>
void check_low_rank(Size n_rows, Size n_cols, Size width) {
    const RowMatrix<S> matrix = random_dense<S>(n_rows, 5, 1) * random_dense<S>(5, n_cols, 2);
    const RowMatrix<S> start = random_dense<S>(std::min(n_rows, n_cols), width, 3);
    const auto svd = randomized_svd(as_view(matrix), as_view(start),
                                    {.n_components = 5, .n_iterations = 2, .center = false}, Threads{2});
    const Eigen::VectorXd exact = Eigen::JacobiSVD<Eigen::MatrixXd>(matrix.template cast<double>()).singularValues();
    const double tolerance = sizeof(S) == 4 ? 1e-4 : 1e-10;
    for (Size k = 0; k < 5; ++k) CHECK_NEAR(svd.values[static_cast<std::size_t>(k)], exact[k], tolerance * exact[0]);
    const RowMatrix<S> scales = Eigen::Map<const Eigen::VectorX<S>>(svd.values.data(), 5).asDiagonal();
    CHECK(largest_difference(svd.left * scales * svd.right, matrix) < tolerance * exact[0]);
}

}  // namespace

TEST("randomized_svd: a matrix of low rank is recovered, tall, wide and by the exact branch") {
    check_low_rank<double>(400, 100, 8);
    check_low_rank<double>(100, 400, 8);
    check_low_rank<float>(400, 100, 8);
    check_low_rank<double>(400, 8, 8);
    check_low_rank<double>(8, 400, 8);
}

TEST("randomized_svd: a start of the wrong shape is refused") {
    const RowMatrix<double> matrix = random_dense<double>(30, 20, 1);
    const RowMatrix<double> start = random_dense<double>(30, 4, 1);
    CHECK_THROWS(InvalidInput, randomized_svd(as_view(matrix), as_view(start), {.n_components = 2}, Threads{1}));
    CHECK_THROWS(InvalidInput, randomized_svd(as_view(matrix), as_view(start), {.n_components = 21}, Threads{1}));
    CHECK_THROWS(InvalidInput, randomized_svd(as_view(matrix), as_view(start), {.n_components = 0}, Threads{1}));
}
