#include "linalg/leading_eigen.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "core/monitor.hpp"
#include "core/random.hpp"
#include "linalg/orthonormal.hpp"
#include "linalg/project_out.hpp"
#include "linalg/symmetric_eigen.hpp"
#include "linalg/symmetric_product.hpp"

namespace cellweave {

namespace {

/// Columns [0, n_cols) of a wider matrix.
DenseView<double> first_columns(RowMatrix<double>& matrix, Size n_cols) {
    return {matrix.data(), matrix.rows(), n_cols, matrix.cols()};
}

void fill_random(RowMatrix<double>& block, Size column, const Random& random) {
    for (Size row = 0; row < block.rows(); ++row) block(row, column) = random.normal(static_cast<std::uint64_t>(row));
}

/// The state of the iteration: an orthonormal basis, the matrix projected onto its first `size` columns, and the next
/// block of directions (already orthogonal to the basis), through which alone the matrix leads out of it.
class BlockLanczos {
public:
    BlockLanczos(Size n, const SymmetricOperator& multiply, const LeadingEigenOptions& options, Threads threads)
        : multiply_(multiply),
          threads_(threads),
          n_wanted_(options.n_components),
          width_(options.block_width),
          seed_(options.seed),
          n_kept_(options.n_components + std::max(options.n_components, options.block_width)),
          capacity_(std::max(6 * options.n_components, n_kept_ + 4 * options.block_width)),
          basis_(zeros<double>(n, capacity_)),
          next_(n, width_),
          image_(n, width_),
          projected_(Eigen::MatrixXd::Zero(capacity_, capacity_)) {
        for (Size column = 0; column < width_; ++column) fill_random(next_, column, Random(seed_, stream_++));
        orthonormalize(as_view(next_), threads_);
    }

    bool is_full() const { return size_ + width_ > capacity_; }
    Size size() const { return size_; }

    /// Takes the next block into the basis, multiplies it, and finds the block after it.
    void extend() {
        multiply_(as_view(std::as_const(next_)), as_view(image_));
        take_next_into_basis();
        const Size grown = size_ + width_;
        const DenseView<const double> basis = first_columns(basis_, grown);
        const Eigen::MatrixXd coefficients = project_out(basis, as_view(image_), threads_);
        projected_.block(0, size_, grown, width_) = coefficients;
        projected_.block(size_, 0, width_, size_) = coefficients.topRows(size_).transpose();
        size_ = grown;
        next_.swap(image_);
        find_directions(basis);
    }

    /// Rayleigh-Ritz: the best eigenpairs within the basis.
    void solve_projected() {
        const Eigen::MatrixXd symmetric =
            0.5 * (projected_.topLeftCorner(size_, size_) + projected_.topLeftCorner(size_, size_).transpose());
        const SymmetricEigen found = symmetric_eigen(symmetric);
        ritz_values_ = found.values.reverse();
        ritz_vectors_ = found.vectors.rowwise().reverse();
        smallest_ = std::min(smallest_, found.values[0]);
    }

    bool has_converged(double tolerance) const {
        const Eigen::MatrixXd outside = coupling_ * ritz_vectors_.block(size_ - width_, 0, width_, n_wanted_);
        const double rounding = 1e-14 * static_cast<double>(basis_.rows()) * std::abs(ritz_values_[0]);
        for (Size k = 0; k < n_wanted_; ++k) {
            double gap = ritz_values_[k] - ritz_values_[k + 1];
            if (k > 0) gap = std::min(gap, ritz_values_[k - 1] - ritz_values_[k]);
            if (outside.col(k).norm() > std::max(tolerance * gap, rounding)) return false;
        }
        return true;
    }

    /// Keeps the best Ritz vectors only; the next block stays.
    void restart() {
        multiply_right(DenseView<const double>(first_columns(basis_, size_)), ritz_vectors_.leftCols(n_kept_),
                       first_columns(basis_, n_kept_), threads_);
        projected_.setZero();
        projected_.diagonal().head(n_kept_) = ritz_values_.head(n_kept_);
        size_ = n_kept_;
    }

    LeadingEigen result(bool has_converged) {
        LeadingEigen found{ritz_values_.head(n_wanted_), RowMatrix<double>(basis_.rows(), n_wanted_), has_converged,
                           smallest_};
        multiply_right(DenseView<const double>(first_columns(basis_, size_)), ritz_vectors_.leftCols(n_wanted_),
                       as_view(found.vectors), threads_);
        return found;
    }

private:
    void take_next_into_basis() {
        parallel_for(next_.rows(), Grain{4096}, threads_, [&](Range rows) {
            basis_.block(rows.begin_item, size_, rows.size(), width_) = next_.middleRows(rows.begin_item, rows.size());
        });
    }

    /// Makes `next_` orthonormal; image = next coupling. Directions that the basis already spans are replaced by
    /// random ones, to which nothing couples.
    void find_directions(DenseView<const double> basis) {
        const double tiny = 1e-14 * (projected_.diagonal().cwiseAbs().maxCoeff() + std::numeric_limits<double>::min());
        std::vector<Size> replaced;
        for (Size column = 0; column < width_; ++column) {
            if (next_.col(column).norm() > tiny) continue;
            fill_random(next_, column, Random(seed_, stream_++));
            next_.col(column).normalize();
            replaced.push_back(column);
        }
        if (!replaced.empty()) project_out(basis, as_view(next_), threads_);
        coupling_ = orthonormalize(as_view(next_), threads_);
        const Eigen::VectorXd pivots = coupling_.diagonal().cwiseAbs();
        const bool needs_care = !replaced.empty() || pivots.minCoeff() < 1e-6 * pivots.maxCoeff();
        if (needs_care) {
            project_out(basis, as_view(next_), threads_);
            coupling_ = orthonormalize(as_view(next_), threads_) * coupling_;
        }
        for (const Size column : replaced) coupling_.col(column).setZero();
    }

    const SymmetricOperator& multiply_;
    const Threads threads_;
    const Size n_wanted_;
    const Size width_;
    const std::uint64_t seed_;
    const Size n_kept_;
    const Size capacity_;
    Size size_ = 0;
    std::uint64_t stream_ = 0;
    RowMatrix<double> basis_;
    RowMatrix<double> next_;
    RowMatrix<double> image_;
    Eigen::MatrixXd projected_;
    Eigen::MatrixXd coupling_;
    double smallest_ = std::numeric_limits<double>::infinity();
    Eigen::VectorXd ritz_values_;
    Eigen::MatrixXd ritz_vectors_;
};

LeadingEigen decompose_completely(const RowMatrix<double>& matrix, Size n_components) {
    const SymmetricEigen found = symmetric_eigen(matrix);
    return {found.values.tail(n_components).reverse(), found.vectors.rightCols(n_components).rowwise().reverse(),
            found.has_converged, found.values[0]};
}

}  // namespace

void LeadingEigen::fix_signs() {
    for (Size k = 0; k < vectors.cols(); ++k) {
        Size largest = 0;
        vectors.col(k).cwiseAbs().maxCoeff(&largest);
        if (vectors(largest, k) < 0) vectors.col(k) = -vectors.col(k);
    }
}

LeadingEigen leading_eigen(Size n, const SymmetricOperator& multiply, const LeadingEigenOptions& options,
                           Threads threads) {
    assert(options.n_components >= 1 && 8 * options.n_components + 8 * options.block_width <= n);
    Progress stage(options.stage, options.max_blocks);
    BlockLanczos iteration(n, multiply, options, threads);
    // A look costs size^3: take the first when something may have converged, then one every few blocks.
    Size next_look = 4 * options.n_components;
    for (int block = 1;; ++block) {
        iteration.extend();
        stage.advance();
        const bool is_last = block >= options.max_blocks;
        if (iteration.size() < next_look && !iteration.is_full() && !is_last) continue;
        iteration.solve_projected();
        const bool has_converged = iteration.has_converged(options.tolerance);
        if (has_converged || is_last) return iteration.result(has_converged);
        if (iteration.is_full()) iteration.restart();
        next_look = iteration.size() + std::max(4 * options.block_width, 2 * options.n_components);
    }
}

LeadingEigen leading_eigen(const RowMatrix<double>& matrix, Size n_components, Threads threads) {
    // A pass over a matrix in memory is cheap: narrow blocks need fewer products in all.
    const LeadingEigenOptions options{.n_components = n_components, .block_width = 8, .max_blocks = 1800};
    constexpr Size small = 400;
    if (matrix.rows() <= small || 8 * (n_components + options.block_width) > matrix.rows()) {
        return decompose_completely(matrix, n_components);
    }
    const SymmetricOperator multiply = [&](DenseView<const double> vectors, DenseView<double> images) {
        multiply_symmetric(as_view(matrix), vectors, images, threads);
    };
    return leading_eigen(matrix.rows(), multiply, options, threads);
}

}  // namespace cellweave
