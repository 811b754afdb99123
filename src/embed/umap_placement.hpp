#pragma once
#include "core/parallel.hpp"
#include "core/views.hpp"
#include "embed/umap.hpp"

namespace cellweave {

/// Moves new vertices to their places in a finished layout, whose own vertices stay where they are: what umap-learn
/// does for new data. Every new vertex moves by itself, pulled along its edges one after the other and pushed by random
/// vertices of the finished layout after each pull.
///
/// Cost: edges x epochs x mean weight x (1 + negative_sample_rate) pairs. Scratch: 16 bytes an edge of a vertex, for
/// each thread. Determinism: a vertex's place is a function of the seed, its number and its edges.
///
/// @param neighbors       new x k: rows of `reference`.
/// @param weights         of those, in [0, 1]; an edge of weight w pulls in a share w / (largest weight) of the epochs.
/// @param reference       vertices x dimensions, finite.
/// @param[in,out] layout  new x dimensions: the start, then the result.
/// @throws InvalidInput   options out of range, shapes that do not fit, or a neighbour that is not there.
void place_by_umap(DenseView<const std::int32_t> neighbors, DenseView<const float> weights,
                   DenseView<const float> reference, const UmapOptions& options, DenseView<float> layout,
                   Threads threads);

}  // namespace cellweave
