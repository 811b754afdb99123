#pragma once
#include <cstdint>
#include <vector>

#include "core/random.hpp"
#include "linalg/eigen_views.hpp"

namespace cellweave::testing {

/// n_rows x n_cols standard normals.
template <Real S>
RowMatrix<S> random_dense(Size n_rows, Size n_cols, std::uint64_t seed) {
    const Random random(seed, 0);
    RowMatrix<S> matrix(n_rows, n_cols);
    for (Size k = 0; k < matrix.size(); ++k)
        matrix.data()[k] = static_cast<S>(random.normal(static_cast<std::uint64_t>(k)));
    return matrix;
}

/// A sparse matrix that owns its arrays.
template <Real T, Index I>
struct OwnedCsr {
    std::vector<T> data;
    std::vector<I> indices;
    std::vector<I> indptr{0};
    Size n_cols = 0;

    CsrView<const T, I> view() const {
        return {data.data(), indices.data(), indptr.data(), static_cast<Size>(indptr.size()) - 1, n_cols};
    }
};

/// About a tenth of the entries are set, to positive values.
template <Real T, Index I>
OwnedCsr<T, I> random_sparse(Size n_rows, Size n_cols, std::uint64_t seed) {
    const Random random(seed, 1);
    OwnedCsr<T, I> matrix;
    matrix.n_cols = n_cols;
    for (Size row = 0; row < n_rows; ++row) {
        for (Size col = 0; col < n_cols; ++col) {
            const auto counter = static_cast<std::uint64_t>(row * n_cols + col);
            if (random.uniform(counter) >= 0.1) continue;
            matrix.indices.push_back(static_cast<I>(col));
            matrix.data.push_back(static_cast<T>(1.0 + random.uniform(counter + (std::uint64_t{1} << 40))));
        }
        matrix.indptr.push_back(static_cast<I>(matrix.data.size()));
    }
    return matrix;
}

/// The same matrix, dense.
template <Real T, Index I>
RowMatrix<double> as_dense(const OwnedCsr<T, I>& matrix) {
    const auto view = matrix.view();
    RowMatrix<double> dense = RowMatrix<double>::Zero(view.n_rows(), view.n_cols());
    for (Size row = 0; row < view.n_rows(); ++row) {
        for (Size k = view.begin(row); k < view.end(row); ++k) dense(row, view.indices()[k]) += view.data()[k];
    }
    return dense;
}

template <class A, class B>
double largest_difference(const A& a, const B& b) {
    return a.size() == 0 ? 0.0 : (a.template cast<double>() - b.template cast<double>()).cwiseAbs().maxCoeff();
}

}  // namespace cellweave::testing
