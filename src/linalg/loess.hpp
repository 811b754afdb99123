#pragma once
#include <span>
#include <vector>

#include "core/parallel.hpp"

namespace cellweave {

/// Options of loess().
struct LoessOptions {
    /// Share of the points that make up a neighbourhood, in (0, 1]. Raise it for a smoother curve.
    double span = 0.3;
    /// Cells of the k-d tree are cut until they hold no more than this share of a neighbourhood. Lower: closer to a
    /// direct fit at every point, and slower.
    double cell = 0.2;
};

/// Local quadratic regression of y on x: the fitted value at every x, in the order of x.
///
/// Cleveland & Devlin (J. Am. Stat. Assoc. 83, 1988) define the fit: weighted least squares with tricube weights over
/// the nearest points. Cleveland & Grosse (Stat. Comput. 1, 1991) make it fast: value and slope are fitted at the
/// vertices of a k-d tree only, and blended by cubic Hermite polynomials between them. This is that method for one
/// predictor, gaussian family, degree 2, interpolated surface; tree, margins and treatment of ties follow the published
/// program `dloess`, and so the fit agrees with it to rounding.
///
/// Where a neighbourhood holds fewer than three distinct x that carry weight (many barely expressed genes share one
/// mean), dloess falls back to a pseudo-inverse or gives up. Here the neighbourhood is doubled until there are three;
/// if all points together hold only two or one, a line or a constant is fitted.
///
/// Cost: sorting, and about 1 / (span x cell) fits over span x n points, some 2 n / cell multiply-adds x 10 in all.
/// Scratch: 3 n doubles.
/// Determinism: every vertex is fitted by one thread, in the order of x; ties in x keep the caller's order.
///
/// @throws InvalidInput  lengths differ, span outside (0, 1], a value is not finite.
std::vector<double> loess(std::span<const double> x, std::span<const double> y, const LoessOptions& options,
                          Threads threads);

}  // namespace cellweave
