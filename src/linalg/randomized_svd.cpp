#include "linalg/randomized_svd.hpp"

#include <Eigen/SVD>
#include <string>

#include "core/error.hpp"
#include "core/monitor.hpp"
#include "linalg/dense_products.hpp"
#include "linalg/orthonormal.hpp"
#include "sparse/products.hpp"

namespace cellweave {

namespace {

/// Leading singular triplets: vectors as columns, on the side of the basis and on that of the coefficients.
template <Real S>
struct ThinTriplets {
    RowMatrix<S> of_basis;
    std::vector<S> values;
    RowMatrix<S> of_coefficients;
};

/// Those of basis x coefficients^T, `basis` being orthonormal: the decomposition of the thin factor gives them.
template <Real S>
ThinTriplets<S> decompose(DenseView<const S> basis, DenseView<S> coefficients, Size n_components, Threads threads) {
    // coefficients = Q R, so A = basis (Q R)^T = basis R^T Q^T, and R^T is small.
    const Eigen::MatrixXd factor = orthonormalize(coefficients, threads);
    constexpr int square = Eigen::NoQRPreconditioner;  // the factor is: no QR decomposition has to come first
    const Eigen::JacobiSVD<Eigen::MatrixXd, square | Eigen::ComputeFullU | Eigen::ComputeFullV> svd(factor.transpose());
    ThinTriplets<S> result;
    result.of_basis.resize(basis.n_rows(), n_components);
    result.of_coefficients.resize(coefficients.n_rows(), n_components);
    multiply_right(basis, svd.matrixU().leftCols(n_components), as_view(result.of_basis), threads);
    multiply_right(DenseView<const S>(coefficients), svd.matrixV().leftCols(n_components),
                   as_view(result.of_coefficients), threads);
    const Eigen::VectorX<S> values = svd.singularValues().head(n_components).template cast<S>();
    result.values.assign(values.begin(), values.end());
    return result;
}

template <Real S, Real T, Index I>
void densify(CsrView<const T, I> matrix, DenseView<S> out, Threads threads) {
    parallel_for(matrix.n_rows(), Grain{1024}, threads, [&](Range rows) {
        for (const Size row : rows) {
            const auto entries = matrix.row(row);
            for (std::size_t k = 0; k < entries.values.size(); ++k) {
                out(row, static_cast<Size>(entries.indices[k])) += static_cast<S>(entries.values[k]);
            }
        }
    });
}

template <Real S, Real T>
void densify(DenseView<const T> matrix, DenseView<S> out, Threads threads) {
    parallel_for(matrix.n_rows(), Grain{1024}, threads, [&](Range rows) {
        for (const Size row : rows) std::copy_n(matrix.row_data(row), matrix.n_cols(), out.row_data(row));
    });
}

/// The exact decomposition of a matrix with one short side.
template <Real S, class Matrix>
SingularTriplets<S> decompose_exactly(Matrix matrix, Size n_components, std::span<const double> mean, Threads threads) {
    RowMatrix<S> dense = RowMatrix<S>::Zero(matrix.n_rows(), matrix.n_cols());
    densify(matrix, as_view(dense), threads);
    if (!mean.empty()) {
        dense.rowwise() -= Eigen::Map<const Eigen::RowVectorXd>(mean.data(), matrix.n_cols()).template cast<S>();
    }
    const bool is_tall = dense.rows() >= dense.cols();
    const Size side = std::min(dense.rows(), dense.cols());
    const RowMatrix<S> identity = RowMatrix<S>::Identity(side, side);
    if (!is_tall) dense = dense.transpose().eval();
    auto thin = decompose(as_view(identity), as_view(dense), n_components, threads);
    if (is_tall) return {std::move(thin.of_coefficients), std::move(thin.values), thin.of_basis.transpose()};
    return {std::move(thin.of_basis), std::move(thin.values), thin.of_coefficients.transpose()};
}

}  // namespace

template <class Matrix, Real S>
SingularTriplets<S> randomized_svd(Matrix matrix, DenseView<const S> start, const RandomizedSvdOptions& options,
                                   Threads threads) {
    const Size n_rows = matrix.n_rows();
    const Size n_cols = matrix.n_cols();
    const Size k = options.n_components;
    const Size width = start.n_cols();
    const bool is_tall = n_rows >= n_cols;
    require(k >= 1 && k <= std::min(n_rows, n_cols),
            "n_components must lie between 1 and the smaller side of the matrix (" +
                std::to_string(std::min(n_rows, n_cols)) + "), found " + std::to_string(k) + ".");
    require(options.n_iterations >= 0,
            "n_iterations must not be negative, found " + std::to_string(options.n_iterations) + ".");
    require(width >= k && start.n_rows() == std::min(n_rows, n_cols),
            "start must have " + std::to_string(std::min(n_rows, n_cols)) + " rows and at least " + std::to_string(k) +
                " columns, found " + std::to_string(start.n_rows()) + " x " + std::to_string(width) + ".");

    const std::vector<double> mean = options.center ? column_means(matrix, threads) : std::vector<double>{};
    if (5 * width >= 4 * std::min(n_rows, n_cols)) return decompose_exactly<S>(matrix, k, mean, threads);

    Progress stage("singular value decomposition", options.n_iterations + 2);
    // Whole registers: columns of zeros, which stay zero, cost the products less than a remainder.
    constexpr Size register_width = 32 / sizeof(S);
    const Size padded = (width + register_width - 1) / register_width * register_width;
    RowMatrix<S> all_genes = RowMatrix<S>::Zero(n_cols, padded);
    RowMatrix<S> all_cells = RowMatrix<S>::Zero(n_rows, padded);
    const DenseView<S> genes(all_genes.data(), n_cols, width, padded);
    const DenseView<S> cells(all_cells.data(), n_rows, width, padded);
    const auto to_cells = [&] {
        multiply(matrix, as_view(std::as_const(all_genes)), as_view(all_cells), mean, threads);
    };
    const auto to_genes = [&] {
        multiply_transposed(matrix, as_view(std::as_const(all_cells)), as_view(all_genes), mean, threads);
    };
    if (is_tall) {
        as_eigen(genes) = as_eigen(start);
        for (int iteration = 0; iteration < options.n_iterations; ++iteration) {
            to_cells();
            condition(cells, threads);
            to_genes();
            condition(genes, threads);
            stage.advance();
        }
        to_cells();
        orthonormalize(cells, threads);
        stage.advance();
        to_genes();
        auto thin = decompose(DenseView<const S>(cells), genes, k, threads);
        return {std::move(thin.of_basis), std::move(thin.values), thin.of_coefficients.transpose()};
    }
    as_eigen(cells) = as_eigen(start);
    for (int iteration = 0; iteration < options.n_iterations; ++iteration) {
        to_genes();
        condition(genes, threads);
        to_cells();
        condition(cells, threads);
        stage.advance();
    }
    to_genes();
    orthonormalize(genes, threads);
    stage.advance();
    to_cells();
    auto thin = decompose(DenseView<const S>(genes), cells, k, threads);
    return {std::move(thin.of_coefficients), std::move(thin.values), thin.of_basis.transpose()};
}

#define CELLWEAVE_SVD(...)                                                                                            \
    template SingularTriplets<float> randomized_svd(__VA_ARGS__, DenseView<const float>, const RandomizedSvdOptions&, \
                                                    Threads);                                                         \
    template SingularTriplets<double> randomized_svd(__VA_ARGS__, DenseView<const double>,                            \
                                                     const RandomizedSvdOptions&, Threads);
CELLWEAVE_SVD(CsrView<const float, std::int32_t>)
CELLWEAVE_SVD(CsrView<const float, std::int64_t>)
CELLWEAVE_SVD(CsrView<const double, std::int32_t>)
CELLWEAVE_SVD(CsrView<const double, std::int64_t>)
CELLWEAVE_SVD(DenseView<const float>)
CELLWEAVE_SVD(DenseView<const double>)
#undef CELLWEAVE_SVD

}  // namespace cellweave
