#include <Eigen/SVD>

#include "check.hpp"
#include "core/error.hpp"
#include "embed/pca.hpp"
#include "linalg/random_matrices.hpp"
#include "sparse/products.hpp"

using namespace cellweave;
using namespace cellweave::testing;

namespace {

template <class Matrix, class S>
void check_pca(Matrix matrix, const RowMatrix<double>& twin, Size k, Size largest_gram, S) {
    const Eigen::RowVectorXd mean = twin.colwise().mean();
    const RowMatrix<double> centered = twin.rowwise() - mean;
    const Pca<S> found =
        pca<Matrix, S>(matrix, std::span<const double>(mean.data(), static_cast<std::size_t>(mean.size())),
                       {.n_components = k, .largest_gram = largest_gram}, Threads{2});
    const double tolerance = sizeof(S) == 4 ? 1e-4 : 1e-9;
    const Eigen::VectorXd exact = Eigen::JacobiSVD<Eigen::MatrixXd>(centered).singularValues();
    CHECK_NEAR(found.total_squares, exact.squaredNorm(), tolerance * exact.squaredNorm());
    for (Size i = 0; i < k; ++i)
        CHECK_NEAR(std::sqrt(found.squares[static_cast<std::size_t>(i)]), exact[i], tolerance * exact[0]);
    CHECK(largest_difference(found.components * found.components.transpose(), Eigen::MatrixXd::Identity(k, k)) < 1e-9);
    CHECK(largest_difference(found.scores, centered * found.components.transpose()) < tolerance * exact[0]);
    for (Size i = 0; i < k; ++i)
        CHECK(found.components.row(i).maxCoeff() == found.components.row(i).cwiseAbs().maxCoeff());
}

}  // namespace

TEST("pca: genes' side, cells' side and by products agree with the definition") {
    const auto tall = random_sparse<double, std::int32_t>(300, 90, 1);
    check_pca(tall.view(), as_dense(tall), 10, 5000, double{});
    const auto wide = random_sparse<float, std::int64_t>(80, 200, 2);
    check_pca(wide.view(), as_dense(wide), 10, 5000, float{});
    const auto large = random_sparse<double, std::int32_t>(500, 700, 3);
    check_pca(large.view(), as_dense(large), 5, 10, double{});
}

TEST("pca: dense, with means that dwarf the differences") {
    RowMatrix<float> matrix = random_dense<float>(300, 40, 4);
    matrix.array() += 1000.0F;
    check_pca(as_view(std::as_const(matrix)), matrix.cast<double>(), 8, 5000, float{});
    const RowMatrix<double> wide = random_dense<double>(30, 90, 5);
    check_pca(as_view(wide), wide, 8, 5000, double{});
}

TEST("pca: too many components are refused") {
    const auto matrix = random_sparse<double, std::int32_t>(20, 9, 1);
    CHECK_THROWS(InvalidInput, (pca<CsrView<const double, std::int32_t>, double>(matrix.view(), {},
                                                                                 {.n_components = 10}, Threads{1})));
    CHECK_THROWS(InvalidInput, (pca<CsrView<const double, std::int32_t>, double>(matrix.view(), {}, {.n_components = 0},
                                                                                 Threads{1})));
}
