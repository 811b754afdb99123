#include "integrate/smooth_shifts.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "neighbors/kmeans.hpp"

namespace cellweave {

namespace {

constexpr Size cells_a_cluster = 512;
constexpr Size fewest_clusters = 16;
constexpr Size centers_a_block = 256;
/// Below it the full sums cost less than finding the maps.
constexpr Size fewest_centers = 2048;
constexpr Size cells_a_check = 32;
constexpr double tolerance = 0.01;

template <class T>
using RowMatrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using RowVector = Eigen::RowVectorXd;

auto as_rows(DenseView<const double> view) {
    return Eigen::Map<const RowMatrix<double>, Eigen::Unaligned, Eigen::OuterStride<>>(
        view.data(), view.n_rows(), view.n_cols(), Eigen::OuterStride<>(view.row_stride()));
}

Clusters clusters_of(const RowMatrix<double>& cells, Threads threads) {
    const DenseView<const double> view(cells.data(), cells.rows(), cells.cols());
    const Frame frame = find_frame(view, Metric::euclidean, threads);
    const PreparedPoints points = prepare(view, Metric::euclidean, frame, threads);
    constexpr int n_rounds = 3;
    constexpr Size sample_per_cluster = 16;
    return find_clusters(points, {cells.rows() / cells_a_cluster, n_rounds, sample_per_cluster, 0}, threads);
}

/// f(x) = offset + (x - mean) slope.
struct LinearMap {
    RowVector mean;
    RowVector offset;
    RowMatrix<double> slope;
};

/// The expansion around `mean`. Weighted moments in float32, block by block of the centers.
LinearMap linear_map(const RowVector& mean, DenseView<const double> centers, DenseView<const double> vectors,
                     std::span<const double> multiplicity, double sigma) {
    const Size d = centers.n_cols();
    const Size p = vectors.n_cols();
    const auto all = as_rows(centers);
    Eigen::VectorXd logits = sigma * (all * mean.transpose()) - 0.5 * sigma * all.rowwise().squaredNorm();
    logits.array() -= logits.maxCoeff();
    const Eigen::VectorXf weights = logits.array().exp().matrix().cast<float>();
    // (m - mean, 1) weighted, times (v, k).
    RowMatrix<float> moments = RowMatrix<float>::Zero(d + 1, p + 1);
    RowMatrix<float> left(centers_a_block, d + 1);
    RowMatrix<float> right(centers_a_block, p + 1);
    for (Size begin = 0; begin < centers.n_rows(); begin += centers_a_block) {
        const Size count = std::min(centers_a_block, centers.n_rows() - begin);
        left.topLeftCorner(count, d) = (all.middleRows(begin, count).rowwise() - mean).cast<float>();
        left.col(d).setOnes();
        left.topRows(count).array().colwise() *= weights.segment(begin, count).array();
        right.topLeftCorner(count, p) = as_rows(vectors).middleRows(begin, count).cast<float>();
        right.col(p).head(count) = Eigen::Map<const Eigen::VectorXd>(multiplicity.data() + begin, count).cast<float>();
        moments.noalias() += left.topRows(count).transpose() * right.topRows(count);
    }
    const RowMatrix<double> sums = moments.cast<double>() / static_cast<double>(moments(d, p));
    return {mean, sums.row(d).head(p), sigma * (sums.topLeftCorner(d, p) - sums.col(p).head(d) * sums.row(d).head(p))};
}

/// Squared deviations of the map from the full sums, in units of `scale`, over every 32nd of the cells.
bool is_accurate(const RowMatrix<double>& cells, const RowMatrix<double>& shifts, const WeightedSums& exact,
                 const RowVector& scale) {
    const Size n_checked = (cells.rows() + cells_a_check - 1) / cells_a_check;
    RowMatrix<double> checked(n_checked, cells.cols());
    for (Size k = 0; k < n_checked; ++k) checked.row(k) = cells.row(k * cells_a_check);
    RowMatrix<float> totals(n_checked, shifts.cols() + 1);
    exact.totals(DenseView<const double>(checked.data(), n_checked, checked.cols()),
                 DenseView<float>(totals.data(), n_checked, totals.cols()));
    double squares = 0.0;
    for (Size k = 0; k < n_checked; ++k) {
        const RowVector expected =
            totals.row(k).head(shifts.cols()).cast<double>() / static_cast<double>(totals(k, shifts.cols()));
        squares += (expected - shifts.row(k * cells_a_check)).cwiseQuotient(scale).squaredNorm();
    }
    return squares <= tolerance * tolerance * static_cast<double>(n_checked * shifts.cols());
}

/// The standard deviation of every column; of a constant one, the largest of them.
RowVector spread(const RowMatrix<double>& cells) {
    const RowVector mean = cells.colwise().mean();
    RowVector scale =
        ((cells.rowwise() - mean).colwise().squaredNorm() / static_cast<double>(cells.rows())).cwiseSqrt();
    const double largest = scale.maxCoeff();
    for (double& value : scale)
        if (!(value > 0.0)) value = largest > 0.0 ? largest : 1.0;
    return scale;
}

}  // namespace

SmoothShifts::SmoothShifts(DenseView<const double> centers, DenseView<const double> vectors,
                           std::span<const double> multiplicity, double sigma)
    : centers_(centers), vectors_(vectors), multiplicity_(multiplicity), sigma_(sigma) {}

std::vector<std::int64_t> SmoothShifts::move(DenseView<double> coordinates, std::span<const std::int64_t> rows,
                                             const WeightedSums& exact, Threads threads) const {
    const auto n_rows = static_cast<Size>(rows.size());
    if (n_rows < fewest_clusters * cells_a_cluster || centers_.n_rows() < fewest_centers)
        return {rows.begin(), rows.end()};
    const Size n_cols = coordinates.n_cols();
    RowMatrix<double> all(n_rows, n_cols);
    for (Size k = 0; k < n_rows; ++k)
        std::ranges::copy(coordinates.row(rows[static_cast<std::size_t>(k)]), all.row(k).data());
    const Clusters clusters = clusters_of(all, threads);
    const RowVector scale = spread(all);

    const Size n_clusters = clusters.centroids.n;
    std::vector<char> is_moved(static_cast<std::size_t>(n_rows), 0);
    parallel_for(n_clusters, Grain{1}, threads, [&](Range range) {
        for (const Size cluster : range) {
            const Size begin = clusters.starts[static_cast<std::size_t>(cluster)];
            const Size count = clusters.starts[static_cast<std::size_t>(cluster) + 1] - begin;
            // A map costs as much as n_cols / 2 cells, the check the rest.
            if (count < n_cols) continue;
            const std::int32_t* const members = clusters.order.data() + begin;
            RowMatrix<double> cells(count, n_cols);
            for (Size k = 0; k < count; ++k) cells.row(k) = all.row(members[k]);
            const LinearMap map = linear_map(cells.colwise().mean(), centers_, vectors_, multiplicity_, sigma_);
            const RowMatrix<double> shifts = ((cells.rowwise() - map.mean) * map.slope).rowwise() + map.offset;
            if (!is_accurate(cells, shifts, exact, scale)) continue;
            for (Size k = 0; k < count; ++k) {
                const auto member = static_cast<std::size_t>(members[k]);
                const auto cell = coordinates.row(rows[member]);
                for (Size d = 0; d < n_cols; ++d) cell[static_cast<std::size_t>(d)] += shifts(k, d);
                is_moved[member] = 1;
            }
        }
    });
    std::vector<std::int64_t> left;
    for (std::size_t k = 0; k < rows.size(); ++k)
        if (is_moved[k] == 0) left.push_back(rows[k]);
    return left;
}

}  // namespace cellweave
