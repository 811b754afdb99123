#pragma once
#include "core/parallel.hpp"
#include "core/views.hpp"

namespace cellweave {

/// Coordinates of the cells of all data sets in one space: the left singular vectors of the cells' centred profiles
/// times the singular values, by randomized_svd() (cost and scratch: see there).
///
/// S is the type computed in. float is twice as fast as double and leaves coordinates that differ by about 1e-6 of the
/// first dimension's spread.
///
/// @param cells             normalised profiles, cells x genes.
/// @param start             the random start of randomized_svd().
/// @param[out] coordinates  cells x dimensions; a dimension's sign is arbitrary.
template <Real T, Index I, Real S>
void embed_cells(CsrView<const T, I> cells, DenseView<const S> start, DenseView<double> coordinates, Threads threads);

}  // namespace cellweave
