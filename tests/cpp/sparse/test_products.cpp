#include "check.hpp"
#include "linalg/dense_products.hpp"
#include "linalg/random_matrices.hpp"
#include "sparse/products.hpp"

using namespace cellweave;
using namespace cellweave::testing;

namespace {

/// Compares the three products of `matrix` with those of its dense, explicitly centred twin.
template <class S, class Matrix>
void check_products(Matrix matrix, const RowMatrix<double>& twin, Size n_columns, bool center) {
    const std::vector<double> mean = center ? column_means(matrix, Threads{2}) : std::vector<double>{};
    RowMatrix<double> centered = twin;
    if (center) {
        CHECK(largest_difference(Eigen::Map<const Eigen::RowVectorXd>(mean.data(), twin.cols()),
                                 twin.colwise().mean()) < 1e-6);
        centered.rowwise() -= Eigen::RowVectorXd(twin.colwise().mean());
    }
    const RowMatrix<S> right = random_dense<S>(twin.cols(), n_columns, 7);
    const RowMatrix<S> left = random_dense<S>(twin.rows(), n_columns, 8);
    RowMatrix<S> cells(twin.rows(), n_columns);
    RowMatrix<S> genes(twin.cols(), n_columns);
    const double tolerance = (sizeof(S) == 4 ? 1e-4 : 1e-5) * static_cast<double>(twin.rows());

    multiply(matrix, as_view(right), as_view(cells), mean, Threads{2});
    CHECK(largest_difference(cells, centered * right.template cast<double>()) < tolerance);
    multiply_transposed(matrix, as_view(left), as_view(genes), mean, Threads{2});
    CHECK(largest_difference(genes, centered.transpose() * left.template cast<double>()) < tolerance);
    multiply_gram(matrix, as_view(right), as_view(genes), mean, Threads{2});
    CHECK(largest_difference(genes, centered.transpose() * (centered * right.template cast<double>())) < tolerance);
}

template <class T, class I, class S>
void check_sparse() {
    const auto sparse = random_sparse<T, I>(700, 90, 3);
    for (const bool center : {false, true}) {
        for (const Size n_columns : {1, 5, 102}) check_products<S>(sparse.view(), as_dense(sparse), n_columns, center);
    }
}

template <class T, class S>
void check_dense() {
    const RowMatrix<T> dense = random_dense<T>(700, 90, 4);
    for (const bool center : {false, true}) {
        for (const Size n_columns : {1, 102})
            check_products<S>(as_view(dense), dense.template cast<double>(), n_columns, center);
    }
}

}  // namespace

TEST("products: sparse ones equal those of the dense, centred matrix") {
    check_sparse<float, std::int32_t, float>();
    check_sparse<float, std::int32_t, double>();
    check_sparse<double, std::int64_t, double>();
    check_sparse<double, std::int32_t, float>();
}

TEST("products: dense ones equal the definition") {
    check_dense<float, float>();
    check_dense<float, double>();
    check_dense<double, double>();
}

TEST("products: index types agree bit for bit, and so do thread counts") {
    const auto narrow = random_sparse<float, std::int32_t>(5000, 60, 5);
    const auto wide = random_sparse<float, std::int64_t>(5000, 60, 5);
    const RowMatrix<double> right = random_dense<double>(60, 33, 6);
    RowMatrix<double> one(60, 33);
    RowMatrix<double> other(60, 33);
    multiply_gram(narrow.view(), as_view(right), as_view(one), {}, Threads{1});
    for (const int threads : {2, 3, 8}) {
        multiply_gram(wide.view(), as_view(right), as_view(other), {}, Threads{threads});
        CHECK(one == other);
    }
}

TEST("products: a matrix without rows gives zeros") {
    const OwnedCsr<float, std::int32_t> empty{{}, {}, {0}, 4};
    const RowMatrix<float> left(0, 3);
    RowMatrix<float> genes = RowMatrix<float>::Ones(4, 3);
    multiply_transposed(empty.view(), as_view(left), as_view(genes), {}, Threads{2});
    CHECK(genes.isZero());
}
