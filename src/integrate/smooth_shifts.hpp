#pragma once
#include <Eigen/Core>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/parallel.hpp"
#include "core/views.hpp"
#include "integrate/weighted_sums.hpp"
#include "linalg/eigen_views.hpp"

namespace cellweave {

/// Shifts of many similar cells by one linear map.
///
/// The shift f(x), a mean of match vectors v under Gaussian weights around x, is a smooth function of x. With the
/// weights at the mean a of a cluster of cells, and m the matched cells, its first-order expansion is
///
///     f(x) = f(a) + sigma Cov(v, m) (x - a),
///
/// a map that costs the cluster as much as coordinates / 2 of its cells do. What the expansion leaves out grows with
/// the spread of cells and of centers in the same direction, which no bound tells well; so every 64th cell of a cluster
/// is computed in full, and a cluster whose cells deviate by more than a hundredth of the coordinates' standard
/// deviation (root mean square) is not moved.
class SmoothShifts {
public:
    /// As of WeightedSums.
    SmoothShifts(DenseView<const double> centers, DenseView<const double> vectors, std::span<const double> multiplicity,
                 double sigma, Threads threads);

    /// Moves what can be moved so of `rows` of `coordinates`; returns the other rows, in rising order. Few cells or few
    /// centers are left alone.
    ///
    /// Cost: an eighth of the full sums. Determinism: the clusters are those of k-means with a fixed seed; each is
    /// handled by one thread.
    std::vector<std::int64_t> move(DenseView<double> coordinates, std::span<const std::int64_t> rows,
                                   const WeightedSums& exact, Threads threads) const;

private:
    /// f(x) = offset + (x - mean) slope.
    struct LinearMap {
        Eigen::RowVectorXd mean;
        Eigen::RowVectorXd offset;
        RowMatrix<double> slope;
    };

    /// The expansion around `mean`.
    LinearMap around(const Eigen::RowVectorXd& mean) const;

    /// The shifts of `cells`, if those of every 64th are accurate to a hundredth of `scale`.
    std::optional<RowMatrix<double>> shifts_of(const RowMatrix<double>& cells, const WeightedSums& exact,
                                               const Eigen::RowVectorXd& scale) const;

    double sigma_;
    RowMatrix<float> centers_;  ///< (m, 1)
    RowMatrix<float> sums_;     ///< (v, k)
    Eigen::VectorXf biases_;    ///< -sigma / 2 |m|^2
};

}  // namespace cellweave
