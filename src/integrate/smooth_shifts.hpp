#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "core/parallel.hpp"
#include "core/views.hpp"
#include "integrate/weighted_sums.hpp"

namespace cellweave {

/// Shifts of many similar cells by one linear map.
///
/// The shift f(x), a mean of match vectors v under Gaussian weights around x, is a smooth function of x. With the
/// weights at the mean a of a cluster of cells, and m the matched cells, its first-order expansion is
///
///     f(x) = f(a) + sigma Cov(v, m) (x - a),
///
/// a map that costs the cluster as much as coordinates / 2 of its cells do. What the expansion leaves out grows with
/// the spread of cells and of centers in the same direction, which no bound tells well; so every 32nd cell of a cluster
/// is computed in full, and a cluster whose cells deviate by more than a hundredth of the coordinates' standard
/// deviation (root mean square) is not moved.
class SmoothShifts {
public:
    /// As of WeightedSums. The views must outlive this.
    SmoothShifts(DenseView<const double> centers, DenseView<const double> vectors, std::span<const double> multiplicity,
                 double sigma);

    /// Moves what can be moved so of `rows` of `coordinates`; returns the other rows, in rising order. Few cells or few
    /// centers are left alone.
    ///
    /// Cost: a sixth of the full sums. Determinism: the clusters are those of k-means with a fixed seed; each is
    /// handled by one thread.
    std::vector<std::int64_t> move(DenseView<double> coordinates, std::span<const std::int64_t> rows,
                                   const WeightedSums& exact, Threads threads) const;

private:
    DenseView<const double> centers_;
    DenseView<const double> vectors_;
    std::span<const double> multiplicity_;
    double sigma_;
};

}  // namespace cellweave
