#include "check.hpp"
#include "linalg/orthonormal.hpp"
#include "linalg/project_out.hpp"
#include "linalg/random_matrices.hpp"

using namespace cellweave;
using namespace cellweave::testing;

namespace {

RowMatrix<double> orthonormal(Size n_rows, Size n_cols) {
    RowMatrix<double> basis = random_dense<double>(n_rows, n_cols, 1);
    orthonormalize(as_view(basis), Threads{1});
    return basis;
}

}  // namespace

TEST("project_out removes what a basis spans, and tells how much that was") {
    for (const auto [n_rows, n_basis, n_columns] : {std::array<Size, 3>{1003, 30, 8}, {130, 17, 11}, {50, 3, 1}}) {
        const RowMatrix<double> basis = orthonormal(n_rows, n_basis);
        const RowMatrix<double> before = random_dense<double>(n_rows, n_columns, 2);
        RowMatrix<double> block = before;
        const Eigen::MatrixXd parts = project_out(as_view(basis), as_view(block), Threads{2});
        CHECK(largest_difference(parts, basis.transpose() * before) < 1e-13);
        CHECK(largest_difference(block, before - basis * parts) < 1e-13);
        CHECK((basis.transpose() * block).cwiseAbs().maxCoeff() < 1e-14);
    }
}

TEST("project_out leaves columns orthogonal of which almost everything was in the span") {
    const RowMatrix<double> basis = orthonormal(600, 20);
    const RowMatrix<double> outside = random_dense<double>(600, 8, 3);
    RowMatrix<double> block = basis.leftCols(8) + 1e-8 * outside;
    project_out(as_view(basis), as_view(block), Threads{1});
    CHECK((basis.transpose() * block).cwiseAbs().maxCoeff() < 1e-15 * block.norm() + 1e-22);
}

TEST("project_out reads and writes views with a stride, and an empty basis changes nothing") {
    const RowMatrix<double> basis = orthonormal(300, 12);
    RowMatrix<double> wide = random_dense<double>(300, 20, 4);
    const RowMatrix<double> before = wide;
    RowMatrix<double> alone = wide.middleCols(5, 8);
    project_out(as_view(basis), as_view(alone), Threads{1});
    project_out(as_view(basis), DenseView<double>(wide.data() + 5, 300, 8, 20), Threads{1});
    CHECK(wide.middleCols(5, 8) == alone);
    CHECK(wide.leftCols(5) == before.leftCols(5));
    CHECK(wide.rightCols(7) == before.rightCols(7));
    project_out(DenseView<const double>(basis.data(), 300, 0, 12), as_view(wide), Threads{1});
    CHECK(wide.middleCols(5, 8) == alone);
}

TEST("project_out gives the same bytes at any number of threads") {
    const RowMatrix<double> basis = orthonormal(5000, 25);
    const RowMatrix<double> before = random_dense<double>(5000, 16, 5);
    RowMatrix<double> one = before;
    const Eigen::MatrixXd parts = project_out(as_view(basis), as_view(one), Threads{1});
    for (const int n : {2, 3, 8}) {
        RowMatrix<double> more = before;
        CHECK(project_out(as_view(basis), as_view(more), Threads{n}) == parts);
        CHECK(more == one);
    }
}
