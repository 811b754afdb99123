#pragma once
#include <cstdint>
#include <span>

#include "core/parallel.hpp"
#include "core/views.hpp"

namespace cellweave {

/// The eigenpairs of largest absolute value of a graph's transitions: diffusion maps (Coifman and Lafon 2006;
/// Haghverdi, Buettner and Theis 2015).
///
/// With the weights K and the density of a vertex d_i = sum_j K_ij, the density is divided out, K'_ij = K_ij / (d_i
/// d_j), and with z_i^2 = sum_j K'_ij the transitions are T_ij = K'_ij / (z_i z_j): the symmetric form of the random
/// walk's, with the same eigenvalues. A vertex without edges has no transitions.
///
/// Cost: some 300 to 1,500 products of the graph with a vector, in double; the transitions are not stored. Scratch: up
/// to 120 doubles a vertex for 15 components; for few vertices their full matrix. Determinism: the same bytes at any
/// number of threads. Signs: the entry of a vector that is largest in absolute value is positive.
///
/// @param      weights  symmetric, cells x cells, finite and not negative.
/// @param      seed     of the vectors that the iteration starts from: the last digits depend on it.
/// @param[out] values   falling.
/// @param[out] vectors  cells x components, as many as there are values; fewer than cells.
/// @return              whether the iteration converged.
template <Real T, Index I>
bool diffusion_map(CsrView<const T, I> weights, std::uint64_t seed, std::span<double> values, DenseView<double> vectors,
                   Threads threads);

}  // namespace cellweave
