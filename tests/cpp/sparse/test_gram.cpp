#include "check.hpp"
#include "linalg/random_matrices.hpp"
#include "sparse/gram.hpp"

using namespace cellweave;
using namespace cellweave::testing;

namespace {

template <class T, class I>
void check_gram(Size n_rows, Size n_cols) {
    const auto sparse = random_sparse<T, I>(n_rows, n_cols, 3);
    const RowMatrix<double> twin = as_dense(sparse);
    const RowMatrix<double> expected = twin.transpose() * twin;
    CHECK(largest_difference(gram_of_entries(sparse.view(), Threads{2}), expected) <
          1e-12 * static_cast<double>(n_rows));
}

}  // namespace

TEST("gram of entries: equals that of the dense matrix") {
    check_gram<float, std::int32_t>(700, 90);
    check_gram<double, std::int64_t>(20'000, 130);
    check_gram<float, std::int32_t>(3, 17);
    check_gram<float, std::int32_t>(1, 1);
}

TEST("gram of entries: rows may be unsorted, hold an entry twice, or be empty") {
    const std::vector<float> values = {1, 2, 3, 4, 5};
    const std::vector<std::int32_t> indices = {2, 0, 2, 1, 0};
    const std::vector<std::int32_t> indptr = {0, 3, 3, 5};
    const CsrView<const float, std::int32_t> matrix(values.data(), indices.data(), indptr.data(), 3, 3);
    RowMatrix<double> twin(3, 3);
    twin << 2, 0, 4, 0, 0, 0, 5, 4, 0;
    CHECK(largest_difference(gram_of_entries(matrix, Threads{2}), twin.transpose() * twin) == 0.0);
    CHECK(gram_products(matrix) == 13.0);
}

TEST("gram of entries: the same bytes at any number of threads") {
    const auto sparse = random_sparse<float, std::int32_t>(5'000, 200, 5);
    const RowMatrix<double> alone = gram_of_entries(sparse.view(), Threads{1});
    for (const int n : {2, 3, 8}) CHECK(largest_difference(gram_of_entries(sparse.view(), Threads{n}), alone) == 0.0);
}
