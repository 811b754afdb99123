#include "integrate/embed_cells.hpp"

#include <cassert>
#include <cstdint>

#include "linalg/randomized_svd.hpp"

namespace cellweave {

template <Real T, Index I, Real S>
void embed_cells(CsrView<const T, I> cells, DenseView<const S> start, DenseView<double> coordinates, Threads threads) {
    assert(coordinates.n_rows() == cells.n_rows());
    const Size n_dimensions = coordinates.n_cols();
    const auto triplets = randomized_svd(cells, start, {.n_components = n_dimensions}, threads);
    parallel_for(cells.n_rows(), Grain{4096}, threads, [&](Range rows) {
        for (const Size row : rows) {
            for (Size k = 0; k < n_dimensions; ++k) {
                coordinates(row, k) = static_cast<double>(triplets.left(row, k)) *
                                      static_cast<double>(triplets.values[static_cast<std::size_t>(k)]);
            }
        }
    });
}

#define CELLWEAVE_EMBED(T, I)                                                                                 \
    template void embed_cells<T, I>(CsrView<const T, I>, DenseView<const float>, DenseView<double>, Threads); \
    template void embed_cells<T, I>(CsrView<const T, I>, DenseView<const double>, DenseView<double>, Threads);
CELLWEAVE_EMBED(float, std::int32_t)
CELLWEAVE_EMBED(float, std::int64_t)
CELLWEAVE_EMBED(double, std::int32_t)
CELLWEAVE_EMBED(double, std::int64_t)
#undef CELLWEAVE_EMBED

}  // namespace cellweave
