#pragma once
#include <memory>
#include <vector>

#include "core/parallel.hpp"
#include "core/views.hpp"

namespace cellweave {

/// The repulsive half of t-SNE's gradient.
class Repulsion {
public:
    virtual ~Repulsion() = default;

    /// Writes sum_j (y_i - y_j) / (1 + d_ij^2)^2 for every point; returns sum_ij 1 / (1 + d_ij^2) over different
    /// points.
    virtual double compute(DenseView<const float> layout, DenseView<float> forces) = 0;
};

/// All pairs: n^2 distances.
std::unique_ptr<Repulsion> make_exact_repulsion(Threads threads);

/// Charges spread over a grid, and its convolution by FFT (Linderman et al. 2019); see optimize_tsne().
std::unique_ptr<Repulsion> make_grid_repulsion(Threads threads);

}  // namespace cellweave
