#pragma once
#include <cstdint>

#include "core/parallel.hpp"
#include "core/views.hpp"
#include "sparse/graph.hpp"

namespace cellweave {

/// Options of spectral_layout().
struct SpectralOptions {
    /// Chooses the start of the iteration, and where the cells of tiny components lie.
    std::uint64_t seed = 0;

    /// An eigenvector is good enough when ||S v - lambda v|| falls below this; umap-learn asks for the same.
    double tolerance = 1e-4;

    /// Bound on the products with the graph (each with a block of 8 or more vectors). When it is reached the best
    /// vectors so far are used: a start for UMAP need not be exact, and must not hang on a tiny eigengap.
    int max_products = 400;
};

/// Lays a graph out by eigenvectors 2 to n_dims + 1 of its normalised Laplacian, component by component.
///
/// Every connected component has its own layout, scaled to the square root (n_dims-th root) of its number of cells; the
/// largest one lies in the middle and the others around it in a spiral by falling size, isolated cells outermost.
/// (umap-learn gives every component the same space, however small, and needs the data to arrange more than
/// 2 n_dims of them. This reads the graph alone.)
///
/// Method: Chebyshev-filtered subspace iteration (Zhou, Saad, Tiago and Chelikowsky 2006) with Rayleigh-Ritz steps;
/// components of up to 256 cells by a dense eigensolver.
/// Cost: at most max_products reads of the graph. Scratch: a copy of the graph's largest component (8 bytes an edge)
/// and 4 blocks of 8 floats a cell (for up to 4 dimensions). Determinism: the same bytes at any number of threads.
///
/// @param[out] layout  vertices x n_dims.
void spectral_layout(GraphView<float> graph, const SpectralOptions& options, DenseView<float> layout, Threads threads);

}  // namespace cellweave
