#pragma once
#include <span>
#include <vector>

#include "core/parallel.hpp"
#include "core/views.hpp"

namespace cellweave {

/// Sums of vectors weighted by exp(logit) in float32, for many cells and the same centers: attention without its
/// normalisation.
///
/// With centers m, their vectors v and multiplicities k, the totals of a cell x are
///
///     sum over centers of exp(sigma x.m - sigma / 2 |m|^2) (v, k),
///
/// which is the Gaussian kernel up to a factor exp(-sigma / 2 |x|^2) of the cell alone. All logits must lie within
/// +-80; there is no running maximum.
///
/// Both products run over panels of 16 cells, one register tile of 6 x 16 at a time, and the weights between them never
/// leave the first cache; a block of centers stays in the second while all panels of a call pass by. Centers are packed
/// for that once. Cost: about 4 x cells x centers x coordinates operations, at 80 % of what the processor multiplies.
/// Determinism: centers are added in their order.
class WeightedSums {
public:
    /// @param centers       n_centers x d.
    /// @param vectors       n_centers x p.
    /// @param multiplicity  n_centers.
    WeightedSums(DenseView<const double> centers, DenseView<const double> vectors, std::span<const double> multiplicity,
                 double sigma, Threads threads);

    /// Writes the totals of `cells` (n_cells x d), n_cells x (p + 1). Some hundreds of cells a call make it worth
    /// reading the centers. May be called from many threads.
    void totals(DenseView<const double> cells, DenseView<float> totals) const;

private:
    Size n_blocks_;
    /// Coordinates and one, vectors and multiplicity.
    Size depth_;
    Size n_sums_;
    /// By blocks of centers, by groups of six centers: (sigma m, -sigma / 2 |m|^2), coordinate after coordinate.
    std::vector<float> scaled_;
    /// By blocks of centers, by groups of six columns: (v, k), center after center.
    std::vector<float> sums_;
};

}  // namespace cellweave
