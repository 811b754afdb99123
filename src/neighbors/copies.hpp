#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "core/parallel.hpp"
#include "core/views.hpp"
#include "linalg/eigen_views.hpp"
#include "neighbors/exact.hpp"

namespace cellweave {

/// Points without the copies that no search needs: of many points with the same coordinates (droplets without a cell,
/// say), the first k are the nearest to any query, for ties go to the lower index.
struct WithoutCopies {
    std::vector<std::int32_t> kept;  ///< Rising.

    /// Of each point: where among those kept it stands, or the last copy of it does.
    std::vector<std::int32_t> stand_ins;
};

/// Leaves out all but the first `n_kept` points of every set that has the same coordinates. Unset where that is none.
///
/// Cost: one read of the points. Scratch: 24 bytes a point at most, and 32 more for each that may be a copy.
template <Real T>
std::optional<WithoutCopies> leave_out_copies(DenseView<const T> points, Size n_kept, Threads threads);

/// Finds what `search(references, queries, out)` would find, without the time that n copies take by n^2.
template <Real T, Real D, class Search>
void search_without_copies(DenseView<const T> references, std::optional<DenseView<const T>> queries,
                           NeighborTable<D> out, Threads threads, Search&& search) {
    const Size k = out.indices.n_cols();
    const auto without = leave_out_copies(references, k, threads);
    if (!without) {
        search(references, queries, out);
        return;
    }
    const auto n_kept = static_cast<Size>(without->kept.size());
    RowMatrix<T> kept(n_kept, references.n_cols());
    for (Size row = 0; row < n_kept; ++row)
        std::copy_n(references.row_data(without->kept[static_cast<std::size_t>(row)]), kept.cols(), &kept(row, 0));
    const auto original = [&](std::int32_t row) { return without->kept[static_cast<std::size_t>(row)]; };
    if (queries) {
        search(as_view(std::as_const(kept)), queries, out);
        for (Size query = 0; query < queries->n_rows(); ++query) {
            const auto indices = out.indices.row(query);
            std::ranges::transform(indices, indices.begin(), original);
        }
        return;
    }
    // Every point's first neighbour is itself. The others of one that is left out are those of its stand-in: the k - 1
    // copies before that one, the nearest to both.
    RowMatrix<std::int32_t> indices(n_kept, k);
    RowMatrix<D> distances(n_kept, k);
    search(as_view(std::as_const(kept)), queries, NeighborTable<D>{as_view(indices), as_view(distances)});
    for (Size point = 0; point < references.n_rows(); ++point) {
        const Size row = without->stand_ins[static_cast<std::size_t>(point)];
        const auto found = out.indices.row(point);
        std::transform(&indices(row, 0), &indices(row, 0) + k, found.begin(), original);
        found[0] = static_cast<std::int32_t>(point);
        std::copy_n(&distances(row, 0), k, out.distances.row_data(point));
    }
}

}  // namespace cellweave
