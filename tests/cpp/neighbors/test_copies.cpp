#include "check.hpp"
#include "linalg/random_matrices.hpp"
#include "neighbors/copies.hpp"

using namespace cellweave;
using namespace cellweave::testing;

namespace {

/// Random points, of which every third is the first.
RowMatrix<float> with_copies(Size n, Size n_dims) {
    RowMatrix<float> points = random_dense<float>(n, n_dims, 3);
    for (Size point = 3; point < n; point += 3) points.row(point) = points.row(0);
    return points;
}

}  // namespace

TEST("copies: none among points that differ, nor where all are kept") {
    const RowMatrix<float> points = random_dense<float>(300, 5, 1);
    CHECK(!leave_out_copies(as_view(points), 1, Threads{2}));
    const RowMatrix<float> pairs = points.replicate(2, 1);
    CHECK(!leave_out_copies(as_view(pairs), 2, Threads{2}));
    CHECK(leave_out_copies(as_view(pairs), 1, Threads{2})->kept.size() == 300);
}

TEST("copies: the first of them stay, and the last of those stands in for the others") {
    for (const Size n_dims : {1, 2, 7}) {
        const RowMatrix<float> points = with_copies(100, n_dims);
        const auto without = leave_out_copies(as_view(points), 4, Threads{2});
        CHECK(without->kept.size() == 66 + 4);
        for (Size point = 0; point < 100; ++point) {
            const auto stand_in = without->kept[static_cast<std::size_t>(without->stand_ins[point])];
            CHECK(stand_in == (point % 3 == 0 ? std::min<Size>(point, 9) : point));
        }
    }
}

TEST("copies: a search is asked about the points that are left, and its answers are about all") {
    const RowMatrix<float> points = with_copies(60, 3);
    const Size k = 2;
    RowMatrix<std::int32_t> indices(60, k);
    RowMatrix<double> distances(60, k);
    search_without_copies<float, double>(
        as_view(points), std::nullopt, {as_view(indices), as_view(distances)}, Threads{1},
        [&](DenseView<const float> asked, const auto& queries, NeighborTable<double> out) {
            CHECK(asked.n_rows() == 40 + 2 && !queries);
            for (Size row = 0; row < asked.n_rows(); ++row) {
                for (Size place = 0; place < k; ++place) {
                    out.indices(row, place) = static_cast<std::int32_t>(place == 0 ? row : 0);
                    out.distances(row, place) = static_cast<double>(10 * row + place);
                }
            }
        });
    for (Size point = 0; point < 60; ++point) CHECK(indices(point, 0) == point && indices(point, 1) == 0);
    // Points 0, 1, 2, 3 are the first four that are left; 3 is the last copy of 0 that is.
    CHECK(distances(3, 1) == 31 && distances(57, 1) == 31 && distances(2, 1) == 21);
}
