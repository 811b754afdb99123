#include "embed/diffusion.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <vector>

#include "linalg/leading_eigen.hpp"
#include "sparse/products.hpp"

namespace cellweave {

namespace {

constexpr Grain rows_per_chunk{1024};

/// The transitions of a graph as an operator: scale[i] weights[i, j] scale[j], or their negative.
template <class T, class I>
class Transitions {
public:
    Transitions(CsrView<const T, I> weights, Threads threads)
        : weights_(weights), threads_(threads), scale_(static_cast<std::size_t>(weights.n_rows()), 1.0) {
        divide_by(row_sums());
        std::vector<double> roots = row_sums();
        for (double& root : roots) root = std::sqrt(root);
        divide_by(roots);
    }

    Size n() const { return weights_.n_rows(); }

    void multiply(DenseView<const double> vectors, DenseView<double> images, double sign) {
        const DenseView<double> scaled = scratch(vectors.n_cols());
        write_scaled(vectors, 1.0, scaled);
        cellweave::multiply(weights_, DenseView<const double>(scaled), images, {}, threads_);
        write_scaled(DenseView<const double>(images), sign, images);
    }

    /// The whole matrix.
    RowMatrix<double> dense() const {
        RowMatrix<double> matrix = RowMatrix<double>::Zero(n(), n());
        for (Size row = 0; row < n(); ++row) {
            const auto line = weights_.row(row);
            for (std::size_t k = 0; k < line.values.size(); ++k) {
                const auto column = static_cast<Size>(line.indices[k]);
                matrix(row, column) += scale_at(row) * static_cast<double>(line.values[k]) * scale_at(column);
            }
        }
        return matrix;
    }

private:
    double scale_at(Size vertex) const { return scale_[static_cast<std::size_t>(vertex)]; }

    /// n x n_columns, from the start of a cache line on: a row of eight numbers, to which edges lead from anywhere, is
    /// one line.
    DenseView<double> scratch(Size n_columns) {
        constexpr std::size_t line = 64;
        const Size n_wanted = n() * n_columns + static_cast<Size>(line / sizeof(double));
        if (scaled_.size() < n_wanted) scaled_ = zeros<double>(1, n_wanted);
        void* begin = scaled_.data();
        auto room = static_cast<std::size_t>(scaled_.size()) * sizeof(double);
        begin = std::align(line, room - line, begin, room);
        return {static_cast<double*>(begin), n(), n_columns};
    }

    void divide_by(const std::vector<double>& divisors) {
        for (std::size_t k = 0; k < scale_.size(); ++k) scale_[k] = divisors[k] > 0 ? scale_[k] / divisors[k] : 0.0;
    }

    /// Of the weights, scaled as far as they are: the graph is symmetric, so they are the sums of columns too.
    std::vector<double> row_sums() const {
        std::vector<double> sums(scale_.size());
        parallel_for(n(), rows_per_chunk, threads_, [&](Range rows) {
            for (const Size row : rows) {
                const auto line = weights_.row(row);
                double sum = 0;
                for (std::size_t k = 0; k < line.values.size(); ++k)
                    sum += static_cast<double>(line.values[k]) * scale_at(static_cast<Size>(line.indices[k]));
                sums[static_cast<std::size_t>(row)] = scale_at(row) * sum;
            }
        });
        return sums;
    }

    void write_scaled(DenseView<const double> from, double sign, DenseView<double> to) const {
        parallel_for(n(), rows_per_chunk, threads_, [&](Range rows) {
            for (const Size row : rows) {
                const double factor = sign * scale_at(row);
                std::ranges::transform(from.row(row), to.row_data(row), [factor](double x) { return factor * x; });
            }
        });
    }

    CsrView<const T, I> weights_;
    Threads threads_;
    std::vector<double> scale_;
    RowMatrix<double> scaled_;
};

/// A Chebyshev polynomial that is at most 1 in absolute value on [low, high], and beyond `high` rises steeply: a
/// product with it brings out the eigenvectors beyond as `degree` products do, for one orthogonalisation.
struct Filter {
    double low;
    double high;
    int degree;

    /// Of a spectrum that ends at 1: the degree that raises 1 to ten thousand. It is odd, so that eigenvalues below
    /// `low`, should there be any, become negative ones.
    static Filter beyond(double high, double low) {
        high = std::clamp(high, low + 0.01, 1.0 - 1e-4);
        const double farthest = (2.0 - high - low) / (high - low);
        const double degree = std::acosh(1e4) / std::acosh(farthest);
        return {low, high, static_cast<int>(std::clamp(degree, 1.0, 60.0)) | 1};
    }
};

/// Eigenpairs in any order, vectors as columns.
struct Pairs {
    std::vector<double> values;
    RowMatrix<double> vectors;
    bool has_converged = true;
};

/// One end of the transitions' spectrum: that of sign x transitions above the rest.
template <class T, class I>
class SpectrumEnd {
public:
    SpectrumEnd(Transitions<T, I>& transitions, double sign, std::uint64_t seed, Threads threads)
        : transitions_(transitions), sign_(sign), seed_(seed), threads_(threads) {}

    struct Bounds {
        /// All that are wanted are larger.
        double wanted;
        /// The smallest one is about that.
        double smallest;
    };

    /// As far as a few blocks tell.
    Bounds bounds(Size n_wanted) {
        const SymmetricOperator multiply = [&](DenseView<const double> vectors, DenseView<double> images) {
            transitions_.multiply(vectors, images, sign_);
        };
        const LeadingEigenOptions options{n_wanted, block_width, tolerance, 11, seed_, stage};
        const LeadingEigen found = leading_eigen(transitions_.n(), multiply, options, threads_);
        const double last = found.values[n_wanted - 1];  // from below: the true one is at least that
        return {last - 0.1 * (1.0 - last), found.smallest_within};
    }

    /// The `n_wanted` largest, by products with a filter for what lies beyond `high`.
    Pairs pairs(Size n_wanted, double low, double high) {
        const Filter filter = Filter::beyond(high, low);
        const SymmetricOperator multiply = [&](DenseView<const double> vectors, DenseView<double> images) {
            apply(filter, vectors, images);
        };
        const LeadingEigenOptions options{n_wanted, block_width, tolerance, 600, seed_, stage};
        LeadingEigen found = leading_eigen(transitions_.n(), multiply, options, threads_);
        found.fix_signs();
        RowMatrix<double> images(transitions_.n(), n_wanted);
        transitions_.multiply(as_view(std::as_const(found.vectors)), as_view(images), 1.0);
        const Eigen::VectorXd values = found.vectors.cwiseProduct(images).colwise().sum();
        return {std::vector<double>(values.begin(), values.end()), std::move(found.vectors), found.has_converged};
    }

private:
    static constexpr Size block_width = 8;
    static constexpr double tolerance = 1e-6;
    static constexpr const char* stage = "diffusion map";

    /// By the recurrence p_k+1(x) = 2 x p_k(x) - p_k-1(x), with [low, high] stretched to [-1, 1].
    void apply(const Filter& filter, DenseView<const double> vectors, DenseView<double> images) {
        before_.setZero(vectors.n_rows(), vectors.n_cols());
        now_ = as_eigen(vectors);
        const double center = 0.5 * (filter.low + filter.high);
        const double half = 0.5 * (filter.high - filter.low);
        for (int k = 0; k < filter.degree; ++k) {
            transitions_.multiply(as_view(std::as_const(now_)), images, sign_);
            const double factor = (k == 0 ? 1.0 : 2.0) / half;
            parallel_for(vectors.n_rows(), rows_per_chunk, threads_, [&](Range rows) {
                for (const Size row : rows) {
                    for (Size column = 0; column < vectors.n_cols(); ++column) {
                        const double now = now_(row, column);
                        now_(row, column) = factor * (images(row, column) - center * now) - before_(row, column);
                        before_(row, column) = now;
                    }
                }
            });
        }
        as_eigen(images) = now_;
    }

    Transitions<T, I>& transitions_;
    double sign_;
    std::uint64_t seed_;
    Threads threads_;
    RowMatrix<double> before_;
    RowMatrix<double> now_;
};

template <class T, class I>
Pairs all_pairs(const Transitions<T, I>& transitions, Threads threads) {
    const RowMatrix<double> matrix = transitions.dense();
    LeadingEigen found = leading_eigen(matrix, matrix.rows(), threads);
    found.fix_signs();
    return {std::vector<double>(found.values.begin(), found.values.end()), std::move(found.vectors),
            found.has_converged};
}

/// Those of largest absolute value at both ends of the spectrum, and perhaps more.
template <class T, class I>
Pairs outermost_pairs(Transitions<T, I>& transitions, Size n_wanted, std::uint64_t seed, Threads threads) {
    SpectrumEnd<T, I> upper_end(transitions, 1.0, seed, threads);
    const auto [wanted, smallest] = upper_end.bounds(n_wanted);
    const double low = std::max(-1.0, smallest - 0.05);
    Pairs upper = upper_end.pairs(n_wanted, low, wanted);
    // Few graphs have negative eigenvalues as far from 0 as the last of these.
    if (low > -upper.values.back()) return upper;
    SpectrumEnd<T, I> lower_end(transitions, -1.0, seed, threads);
    const Pairs lower = lower_end.pairs(n_wanted, -1.0, lower_end.bounds(n_wanted).wanted);
    upper.values.insert(upper.values.end(), lower.values.begin(), lower.values.end());
    RowMatrix<double> both(transitions.n(), 2 * n_wanted);
    both << upper.vectors, lower.vectors;
    upper.vectors = std::move(both);
    upper.has_converged = upper.has_converged && lower.has_converged;
    return upper;
}

/// Which pairs are the `n_wanted` of largest absolute value, by falling value.
std::vector<std::size_t> outermost(const std::vector<double>& values, Size n_wanted) {
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, [&](auto a, auto b) { return std::abs(values[a]) > std::abs(values[b]); });
    order.resize(static_cast<std::size_t>(n_wanted));
    std::ranges::stable_sort(order, [&](auto a, auto b) { return values[a] > values[b]; });
    return order;
}

}  // namespace

template <Real T, Index I>
bool diffusion_map(CsrView<const T, I> weights, std::uint64_t seed, std::span<double> values, DenseView<double> vectors,
                   Threads threads) {
    const auto n_wanted = static_cast<Size>(values.size());
    if (n_wanted == 0) return true;
    Transitions<T, I> transitions(weights, threads);
    constexpr Size small = 400;
    const bool is_small = transitions.n() <= small || 8 * (n_wanted + 8) > transitions.n();
    const Pairs pairs =
        is_small ? all_pairs(transitions, threads) : outermost_pairs(transitions, n_wanted, seed, threads);
    const auto order = outermost(pairs.values, n_wanted);
    for (std::size_t k = 0; k < order.size(); ++k) {
        values[k] = pairs.values[order[k]];
        as_eigen(vectors).col(static_cast<Size>(k)) = pairs.vectors.col(static_cast<Size>(order[k]));
    }
    return pairs.has_converged;
}

template bool diffusion_map<float, std::int32_t>(CsrView<const float, std::int32_t>, std::uint64_t, std::span<double>,
                                                 DenseView<double>, Threads);
template bool diffusion_map<float, std::int64_t>(CsrView<const float, std::int64_t>, std::uint64_t, std::span<double>,
                                                 DenseView<double>, Threads);
template bool diffusion_map<double, std::int32_t>(CsrView<const double, std::int32_t>, std::uint64_t, std::span<double>,
                                                  DenseView<double>, Threads);
template bool diffusion_map<double, std::int64_t>(CsrView<const double, std::int64_t>, std::uint64_t, std::span<double>,
                                                  DenseView<double>, Threads);

}  // namespace cellweave
