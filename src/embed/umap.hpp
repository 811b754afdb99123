#pragma once
#include <cstdint>

#include "core/parallel.hpp"
#include "core/views.hpp"
#include "sparse/graph.hpp"

namespace cellweave {

/// Options of optimize_umap().
struct UmapOptions {
    /// How often the heaviest edges are sampled; lighter ones less, in proportion to their weight.
    int n_epochs = 200;

    /// The curve 1 / (1 + a d^(2 b)) by which distance in the picture stands for membership. Both > 0.
    double a = 0.583;
    double b = 1.334;

    /// Step length of the first epoch; falls linearly to zero.
    double alpha = 1.0;

    /// Weight of the repulsion. Raise it for more space between unconnected cells.
    double gamma = 1.0;

    /// Cells that push a cell away each time one of its edges pulls it. Time grows with it; 0 means no repulsion.
    int negative_sample_rate = 5;

    /// Chooses the cells that push.
    std::uint64_t seed = 0;
};

/// @throws InvalidInput  an option is out of range.
void check_options(const UmapOptions& options);

/// Moves the vertices so that edges become short and others long: UMAP (McInnes, Healy and Melville 2018), algorithm 5.
///
/// umap-learn updates both ends of one edge after the other, so its result depends on the order of the updates and can
/// be run in parallel only by racing. Here every vertex moves by itself in each turn (of which a small graph's epoch
/// has two), through its own edges one after the other, while all others see it where the last turn showed it: at the
/// mean of the positions from which it was pulled, in the midst of its pushes, for that is where umap-learn draws the
/// other ends of its edges to. (Shown where its last pull left it, the pushes would be half undone before anybody saw
/// them, and layouts of few epochs were worse.) An edge pulls both ends in the same turns; a pull takes the part of the
/// way that umap-learn's two updates of that edge take together, and never more than half, so that two ends meet
/// instead of swapping places. Of eight pulls at a time half come before the pushes that go with them, and half after;
/// the strangers that go with one pull push from one position. (umappp offers locked or racing updates only: the
/// requirement of a parallel and deterministic layout forced our own.)
///
/// Cost: edges x epochs x mean weight x (1 + negative_sample_rate) pairs, 16 vertices side by side in SIMD registers; a
/// pair costs some 50 operations in a lane and one read of 4 bytes a dimension at a random place of the layout.
/// Scratch: 4 bytes an edge, two more layouts, and for each thread some 10 kB and 4 bytes an edge of 512 vertices.
/// Determinism: the same bytes at any number of threads; random numbers are functions of (seed, turn, vertex, draw).
///
/// @param[in,out] layout  vertices x dimensions (any number of them): the start, then the result.
/// @throws InvalidInput   options out of range, or the layout is of another size or not finite.
void optimize_umap(GraphView<float> graph, const UmapOptions& options, DenseView<float> layout, Threads threads);

}  // namespace cellweave
