#include "linalg/orthonormal.hpp"

#include <Eigen/Cholesky>
#include <Eigen/QR>
#include <algorithm>
#include <limits>
#include <optional>

namespace cellweave {

namespace {

constexpr Size rows_per_block = 256;

/// The smallest pivot of the columns scaled to length one that Cholesky QR may meet.
template <Real S>
constexpr double least_pivot = std::is_same_v<S, float> ? 1e-5 : 1e-7;

/// R of the Cholesky factorisation R^T R of the columns' Gram matrix, unless they are too close to dependent.
template <Real S>
std::optional<Eigen::MatrixXd> cholesky_factor(const Eigen::MatrixXd& gram) {
    const Eigen::VectorXd lengths = gram.diagonal().cwiseSqrt();
    if (!(lengths.minCoeff() > 0.0) || !lengths.allFinite()) return std::nullopt;
    const Eigen::VectorXd inverse_lengths = lengths.cwiseInverse();
    const Eigen::MatrixXd cosines = inverse_lengths.asDiagonal() * gram * inverse_lengths.asDiagonal();
    const Eigen::LLT<Eigen::MatrixXd> factorisation(cosines);
    if (factorisation.info() != Eigen::Success) return std::nullopt;
    Eigen::MatrixXd factor = factorisation.matrixU();
    if (factor.diagonal().minCoeff() < least_pivot<S>) return std::nullopt;
    return Eigen::MatrixXd(factor * lengths.asDiagonal());
}

/// One pass of Cholesky QR; nothing changes and nothing is returned if the columns are too close to dependent.
template <Real S>
std::optional<Eigen::MatrixXd> cholesky_pass(DenseView<S> tall, Threads threads) {
    auto factor = cholesky_factor<S>(gram_of_columns(DenseView<const S>(tall), threads));
    if (!factor) return std::nullopt;
    const Size n = tall.n_cols();
    const Eigen::MatrixXd inverse =
        factor->template triangularView<Eigen::Upper>().solve(Eigen::MatrixXd::Identity(n, n));
    multiply_right(DenseView<const S>(tall), inverse, tall, threads);
    return factor;
}

template <Real S>
Eigen::MatrixXd householder(DenseView<S> tall) {
    const Size n = tall.n_cols();
    const Eigen::MatrixXd copy = as_eigen(tall).template cast<double>();
    const Eigen::HouseholderQR<Eigen::MatrixXd> factorisation(copy);
    const Eigen::MatrixXd basis = factorisation.householderQ() * Eigen::MatrixXd::Identity(tall.n_rows(), n);
    as_eigen(tall) = basis.template cast<S>();
    return factorisation.matrixQR().topRows(n).template triangularView<Eigen::Upper>();
}

}  // namespace

template <Real S>
Eigen::MatrixXd gram_of_columns(DenseView<const S> tall, Threads threads) {
    const Size n = tall.n_cols();
    if (tall.n_rows() == 0) return Eigen::MatrixXd::Zero(n, n);
    return parallel_reduce(
        tall.n_rows(), Grain{std::max<Size>(rows_per_block, (tall.n_rows() + 63) / 64)}, threads,
        [&](Range rows) {
            Eigen::MatrixXd sum = Eigen::MatrixXd::Zero(n, n);
            for (Size begin = rows.begin_item; begin < rows.end_item; begin += rows_per_block) {
                const auto block = as_eigen(tall.rows(begin, std::min(begin + rows_per_block, rows.end_item)));
                sum += (block.transpose() * block).template cast<double>();
            }
            return sum;
        },
        [](Eigen::MatrixXd& into, Eigen::MatrixXd&& next) { into += next; });
}

template <Real S>
void multiply_right(DenseView<const S> tall, const Eigen::MatrixXd& small, DenseView<S> out, Threads threads) {
    const RowMatrix<S> factor = small.cast<S>();
    parallel_for(tall.n_rows(), Grain{rows_per_block}, threads, [&](Range rows) {
        const RowMatrix<S> product = as_eigen(tall.rows(rows.begin_item, rows.end_item)) * factor;
        as_eigen(out.rows(rows.begin_item, rows.end_item)) = product;
    });
}

template <Real S>
Eigen::MatrixXd orthonormalize(DenseView<S> tall, Threads threads) {
    assert(tall.n_rows() >= tall.n_cols());
    const auto first = cholesky_pass(tall, threads);
    if (!first) return householder(tall);
    const auto second = cholesky_pass(tall, threads);
    if (!second) return householder(tall) * *first;
    return *second * *first;
}

RowMatrix<double> basis_of_columns(DenseView<const double> columns, Threads threads) {
    if (columns.n_rows() == 0 || columns.n_cols() == 0) return RowMatrix<double>(columns.n_rows(), 0);
    RowMatrix<double> basis = as_eigen(columns);
    for (Size k = 0; k < basis.cols(); ++k) {
        const double largest = basis.col(k).cwiseAbs().maxCoeff();
        if (largest > 0) basis.col(k) /= largest;  // its squares are neither infinite nor 0
    }
    const auto pass = [&] { return cholesky_pass(as_view(basis), threads).has_value(); };
    if (basis.rows() >= basis.cols() && pass() && pass()) return basis;
    basis.colwise().normalize();
    Eigen::ColPivHouseholderQR<Eigen::MatrixXd> factorisation(basis.rows(), basis.cols());
    const auto longer_side = static_cast<double>(std::max(basis.rows(), basis.cols()));
    factorisation.setThreshold(longer_side * std::numeric_limits<double>::epsilon());
    factorisation.compute(basis);
    return factorisation.householderQ() * Eigen::MatrixXd::Identity(basis.rows(), factorisation.rank());
}

template <Real S>
void condition(DenseView<S> tall, Threads threads) {
    assert(tall.n_rows() >= tall.n_cols());
    if (!cholesky_pass(tall, threads)) householder(tall);
}

#define CELLWEAVE_ORTHONORMAL(S)                                                                        \
    template Eigen::MatrixXd gram_of_columns<S>(DenseView<const S>, Threads);                           \
    template void multiply_right<S>(DenseView<const S>, const Eigen::MatrixXd&, DenseView<S>, Threads); \
    template Eigen::MatrixXd orthonormalize<S>(DenseView<S>, Threads);                                  \
    template void condition<S>(DenseView<S>, Threads);
CELLWEAVE_ORTHONORMAL(float)
CELLWEAVE_ORTHONORMAL(double)
#undef CELLWEAVE_ORTHONORMAL

}  // namespace cellweave
