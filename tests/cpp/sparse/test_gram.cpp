#include <algorithm>

#include "check.hpp"
#include "linalg/random_matrices.hpp"
#include "sparse/gram.hpp"

using namespace cellweave;
using namespace cellweave::testing;

namespace {

/// The first and the last `n_common` genes are common.
GramPlan plan_of(Size n_common, Size n_genes) {
    GramPlan plan;
    for (Size k = 0; k < n_common; ++k)
        plan.common_genes.push_back(static_cast<std::int32_t>(k % 2 == 0 ? k / 2 : n_genes - 1 - k / 2));
    return plan;
}

template <class T, class I>
void check_gram(Size n_rows, Size n_genes, Size n_common) {
    const auto sparse = random_sparse<T, I>(n_rows, n_genes, 3);
    const RowMatrix<double> twin = as_dense(sparse);
    const RowMatrix<double> expected = twin.transpose() * twin;
    CHECK(largest_difference(gram_of_entries(sparse.view(), plan_of(n_common, n_genes), Threads{2}), expected) <
          1e-12 * static_cast<double>(n_rows));
}

}  // namespace

TEST("gram of entries: equals that of the dense matrix") {
    check_gram<float, std::int32_t>(700, 90, 0);
    check_gram<float, std::int32_t>(700, 90, 32);
    check_gram<double, std::int64_t>(20'000, 130, 64);
    check_gram<float, std::int32_t>(20'000, 96, 96);
    check_gram<float, std::int32_t>(3, 17, 0);
    check_gram<float, std::int32_t>(1, 1, 0);
}

TEST("gram of entries: rows may be unsorted, hold an entry twice, or be empty") {
    const std::vector<float> values = {1, 2, 3, 4, 5};
    const std::vector<std::int32_t> indices = {2, 0, 2, 1, 0};
    const std::vector<std::int32_t> indptr = {0, 3, 3, 5};
    const CsrView<const float, std::int32_t> matrix(values.data(), indices.data(), indptr.data(), 3, 3);
    RowMatrix<double> twin(3, 3);
    twin << 2, 0, 4, 0, 0, 0, 5, 4, 0;
    CHECK(largest_difference(gram_of_entries(matrix, GramPlan{}, Threads{2}), twin.transpose() * twin) == 0.0);
}

TEST("gram of entries: common genes, too, may stand anywhere in a row and twice") {
    constexpr Size n_genes = 70;
    const auto sparse = random_sparse<float, std::int32_t>(300, n_genes, 4);
    OwnedCsr<float, std::int32_t> twice;
    twice.n_cols = n_genes;
    const auto view = sparse.view();
    for (Size row = 0; row < view.n_rows(); ++row) {
        const auto line = view.row(row);
        for (int copy = 0; copy < 2; ++copy) {
            twice.indices.insert(twice.indices.end(), line.indices.rbegin(), line.indices.rend());
            twice.data.insert(twice.data.end(), line.values.rbegin(), line.values.rend());
        }
        twice.indptr.push_back(static_cast<std::int32_t>(twice.data.size()));
        twice.indptr.push_back(static_cast<std::int32_t>(twice.data.size()));  // a row without entries
    }
    const RowMatrix<double> twin = as_dense(twice);
    const RowMatrix<double> expected = twin.transpose() * twin;
    for (const Size n_common : {0, 32, 64})
        CHECK(largest_difference(gram_of_entries(twice.view(), plan_of(n_common, n_genes), Threads{2}), expected) <
              1e-10);
}

TEST("gram of entries: the same bytes at any number of threads") {
    const auto sparse = random_sparse<float, std::int32_t>(5'000, 200, 5);
    const GramPlan plan = plan_of(64, 200);
    const RowMatrix<double> alone = gram_of_entries(sparse.view(), plan, Threads{1});
    for (const int n : {2, 3, 8})
        CHECK(largest_difference(gram_of_entries(sparse.view(), plan, Threads{n}), alone) == 0.0);
}

TEST("plan of a gram: the genes of most cells are common, and cost less so") {
    OwnedCsr<float, std::int32_t> matrix;
    matrix.n_cols = 100;
    const Random random(6, 1);
    for (Size row = 0; row < 1'000; ++row) {
        for (Size gene = 0; gene < 100; ++gene) {
            const double share = gene % 3 == 0 && gene < 96 ? 0.9 : 0.01;
            if (random.uniform(static_cast<std::uint64_t>(row * 100 + gene)) >= share) continue;
            matrix.indices.push_back(static_cast<std::int32_t>(gene));
            matrix.data.push_back(1);
        }
        matrix.indptr.push_back(static_cast<std::int32_t>(matrix.data.size()));
    }
    GramPlan plan = plan_gram(matrix.view(), Threads{2});
    std::ranges::sort(plan.common_genes);
    CHECK(plan.common_genes.size() == 32);
    for (std::int32_t k = 0; k < 32; ++k) CHECK(plan.common_genes[static_cast<std::size_t>(k)] == 3 * k);
    CHECK(plan.cost < 1'000 * 100.0 * 100.0 / 2);
    OwnedCsr<float, std::int32_t> nothing;
    nothing.n_cols = 5;
    CHECK(plan_gram(nothing.view(), Threads{2}).cost == 0.0);
}
