#pragma once
#include "core/parallel.hpp"
#include "core/views.hpp"
#include "sparse/graph.hpp"

namespace cellweave {

/// Options of optimize_tsne().
struct TsneOptions {
    /// Gradient steps in all, of which the first `n_exaggerated` with attraction times `exaggeration` and momentum 0.5;
    /// the rest runs with momentum 0.8.
    int n_iterations = 1000;
    int n_exaggerated = 250;
    double exaggeration = 12;

    /// Step length in the units of scikit-learn (four times openTSNE's gradient). 0: n / (4 exaggeration) while
    /// exaggerating and n / 4 after, as Belkina et al. (2019) recommend, but at least 50.
    double learning_rate = 0;

    /// Up to this many points all pairs repel each other exactly; more do so through a grid.
    Size max_exact = 2500;
};

/// Moves points in the plane so that their Student-t affinities match `affinities`: t-SNE (van der Maaten and Hinton
/// 2008).
///
/// Repulsion beyond `max_exact` points through a grid and FFT (Linderman et al. 2019), but with one convolution where
/// the paper has four, and with cubic B-splines, undone in the transform, where it has quadratic interpolation in fixed
/// intervals: at less than half a unit between nodes, and at least 64 nodes a side, its divergence is that of exact
/// repulsion. Momentum, gains and bound on the step as in openTSNE. (qdtsne has Barnes-Hut only; the speed and
/// perplexity asked for forced our own.)
///
/// Cost per step: one read of the affinities, n, and a few FFTs of (2 x side)^2. Scratch: 8 floats a point, 16 a grid
/// node. Determinism: the same bytes at any number of threads.
///
/// @param[in,out] layout  points x 2: the start, then the result.
/// @return                the Kullback-Leibler divergence of the result, with the repulsion's own approximation.
/// @throws InvalidInput   options out of range; the layout is of another size or not finite.
double optimize_tsne(GraphView<float> affinities, const TsneOptions& options, DenseView<float> layout, Threads threads);

}  // namespace cellweave
