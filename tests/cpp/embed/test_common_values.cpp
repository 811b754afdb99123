#include "check.hpp"
#include "embed/common_values.hpp"
#include "linalg/random_matrices.hpp"

using namespace cellweave;
using namespace cellweave::testing;

namespace {

/// About a tenth of the values differ from -j/8 - 1, gene j's common one.
template <class S>
RowMatrix<S> shifted_sparse(Size n_cells, Size n_genes) {
    RowMatrix<S> matrix = as_dense(random_sparse<S, std::int32_t>(n_cells, n_genes, 7)).template cast<S>();
    for (Size gene = 0; gene < n_genes; ++gene) matrix.col(gene).array() -= static_cast<S>(gene) / 8 + 1;
    return matrix;
}

template <class S>
void check_sum(const RowMatrix<S>& matrix) {
    const Size n_cells = matrix.rows();
    const Size n_genes = matrix.cols();
    const auto found = uncommon_values(as_view(matrix), 0.2, Threads{2});
    CHECK(found.has_value());
    for (Size gene = 0; gene < n_genes; ++gene)
        CHECK(found->common[static_cast<std::size_t>(gene)] == -static_cast<double>(gene) / 8 - 1);
    const auto rest = found->view();
    RowMatrix<double> sum = RowMatrix<double>::Zero(n_cells, n_genes);
    for (Size cell = 0; cell < n_cells; ++cell) {
        for (Size k = rest.begin(cell); k < rest.end(cell); ++k) sum(cell, rest.indices()[k]) += rest.data()[k];
    }
    for (Size gene = 0; gene < n_genes; ++gene) sum.col(gene).array() += found->common[static_cast<std::size_t>(gene)];
    CHECK(largest_difference(sum, matrix) < 1e-6);
    CHECK(rest.nnz() < n_cells * n_genes / 5);
}

}  // namespace

TEST("common values: what is common and what differs make up the matrix") {
    check_sum(shifted_sparse<float>(700, 40));
    check_sum(shifted_sparse<double>(300, 75));
}

TEST("common values: more of them than the sample foretells") {
    RowMatrix<double> matrix = shifted_sparse<double>(640, 40);
    for (Size cell = 0; cell < 640; cell += 10) {
        for (Size gene = 0; gene < 40; ++gene) matrix(cell, gene) = -static_cast<double>(gene) / 8 - 1;
    }
    check_sum(matrix);
}

TEST("common values: none in noise, nor where the limit is lower") {
    const RowMatrix<double> noise = random_dense<double>(500, 30, 1);
    CHECK(!uncommon_values(as_view(noise), 0.2, Threads{2}).has_value());
    const RowMatrix<double> matrix = shifted_sparse<double>(500, 30);
    CHECK(!uncommon_values(as_view(matrix), 0.05, Threads{2}).has_value());
}

TEST("common values: cells that the sample does not show count as well") {
    RowMatrix<float> matrix = RowMatrix<float>::Zero(640, 20);
    const RowMatrix<float> noise = random_dense<float>(640, 20, 2);
    for (Size cell = 0; cell < 640; ++cell) {
        if (cell % 10 != 0) matrix.row(cell) = noise.row(cell);
    }
    CHECK(!uncommon_values(as_view(std::as_const(matrix)), 0.2, Threads{2}).has_value());
}
