#pragma once
#include <vector>

#include "core/parallel.hpp"
#include "core/views.hpp"

namespace cellweave {

/// Options of covering_grid().
struct CoveringGridOptions {
    /// Boxes aimed at. More boxes follow the rare corners of the data more closely.
    Size n_boxes = 1;

    /// The search stops at a number of boxes within n_boxes * (1 -+ tolerance). geosketch calls it alpha.
    double tolerance = 0.1;

    /// Box lengths tried at most; the last one counts, whatever its number of boxes.
    Size max_iterations = 200;
};

/// A cover of points by boxes of equal side length; only boxes that hold a point exist.
struct CoveringGrid {
    /// One box length that was tried, and the boxes that it gave.
    struct Step {
        double length;
        Size n_boxes;
    };

    /// The box of every point. Boxes are numbered by their first point.
    std::vector<std::int32_t> box_of_point;
    /// The interval of every box along every feature, n_boxes x n_features.
    std::vector<std::int32_t> intervals;
    Size n_boxes = 0;
    /// Whether the number of boxes came within the tolerance.
    bool converged = false;
    std::vector<Step> steps;
};

/// Covers points with about `n_boxes` boxes of equal side length (Hie, Cho, DeMeo, Bryson and Berger 2019, "plaid
/// covering"): along each feature intervals of that length are laid from the smallest value on, each starting at the
/// first value that the one before does not reach. The length is found by bisection.
///
/// The arithmetic is that of geosketch 1.3, operation by operation in T, so that the same points give the same boxes.
///
/// Cost: about a dozen box lengths; each reads the features that are wider than a box once per interval, and hashes
/// every point once. Scratch: a copy of those features, 16 to 28 bytes a point, and a hash table of the boxes.
/// Determinism: exact integer keys, no sums; the same at any thread count.
///
/// @param points  points x features, finite.
/// @throws InvalidInput  no point or no feature, 2^31 points or more, n_boxes < 1, tolerance not >= 0, max_iterations
/// < 1.
template <Real T>
CoveringGrid covering_grid(DenseView<const T> points, const CoveringGridOptions& options, Threads threads);

}  // namespace cellweave
