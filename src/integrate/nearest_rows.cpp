#include "integrate/nearest_rows.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <utility>
#include <vector>

#include "core/monitor.hpp"

namespace cellweave {

namespace {

constexpr Size queries_a_tile = 64;
constexpr Size rows_a_tile = 512;

using RowMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Map = Eigen::Map<const RowMatrix, Eigen::Unaligned, Eigen::OuterStride<>>;

Map as_matrix(DenseView<const double> view) {
    return {view.data(), view.n_rows(), view.n_cols(), Eigen::OuterStride<>(view.row_stride())};
}

using Neighbor = std::pair<double, std::int64_t>;

void insert(std::vector<Neighbor>& sorted, std::size_t capacity, Neighbor neighbor) {
    if (sorted.size() == capacity) {
        if (!(neighbor < sorted.back())) return;
        sorted.pop_back();
    }
    sorted.insert(std::ranges::upper_bound(sorted, neighbor), neighbor);
}

}  // namespace

void nearest_rows(DenseView<const double> queries, DenseView<const double> rows, DenseView<std::int64_t> nearest,
                  Threads threads) {
    const Eigen::VectorXd squares = as_matrix(rows).rowwise().squaredNorm();
    const auto n_neighbors = static_cast<std::size_t>(nearest.n_cols());
    Progress stage("Finding nearest cells", queries.n_rows());
    parallel_for(queries.n_rows(), Grain{queries_a_tile}, threads, [&](Range range) {
        const auto tile = as_matrix(queries.rows(range.begin_item, range.end_item));
        std::vector<std::vector<Neighbor>> found(static_cast<std::size_t>(range.size()));
        RowMatrix distances(range.size(), rows_a_tile);
        for (Size begin = 0; begin < rows.n_rows(); begin += rows_a_tile) {
            const Size count = std::min(rows_a_tile, rows.n_rows() - begin);
            auto block = distances.leftCols(count);
            block.noalias() = -2.0 * tile * as_matrix(rows.rows(begin, begin + count)).transpose();
            block.rowwise() += squares.segment(begin, count).transpose();
            for (Size q = 0; q < range.size(); ++q) {
                auto& sorted = found[static_cast<std::size_t>(q)];
                for (Size r = 0; r < count; ++r) insert(sorted, n_neighbors, {block(q, r), begin + r});
            }
        }
        for (Size q = 0; q < range.size(); ++q)
            for (std::size_t k = 0; k < n_neighbors; ++k)
                nearest(range.begin_item + q, static_cast<Size>(k)) = found[static_cast<std::size_t>(q)][k].second;
        stage.advance(range.size());
    });
}

}  // namespace cellweave
