#include "integrate/smooth_shifts.hpp"

#include <algorithm>
#include <cmath>

#include "neighbors/kmeans.hpp"

namespace cellweave {

namespace {

constexpr Size cells_a_cluster = 1024;
constexpr Size fewest_clusters = 8;
constexpr Size centers_a_block = 256;
/// Below it the full sums cost less than finding the maps.
constexpr Size fewest_centers = 2048;
constexpr Size cells_a_check = 64;
constexpr double tolerance = 0.01;

/// Chosen rows in float32, as they are: coordinates of length one need no frame.
PreparedPoints gathered(DenseView<const double> coordinates, std::span<const std::int64_t> rows, Threads threads) {
    PreparedPoints points;
    points.n = static_cast<Size>(rows.size());
    points.n_dims = coordinates.n_cols();
    points.rows.resize(static_cast<std::size_t>(points.n * points.n_dims));
    parallel_for(points.n, Grain{1024}, threads, [&](Range range) {
        for (const Size k : range)
            std::ranges::copy(coordinates.row(rows[static_cast<std::size_t>(k)]),
                              points.rows.data() + k * points.n_dims);
    });
    return points;
}

Clusters clusters_of(const PreparedPoints& cells, Threads threads) {
    constexpr int n_rounds = 3;
    constexpr Size sample_per_cluster = 16;
    return find_clusters(cells, {cells.n / cells_a_cluster, n_rounds, sample_per_cluster, 0}, threads);
}

/// The standard deviation of every column over some thousand of the cells; of a constant one, the largest of them.
Eigen::RowVectorXd spread(const PreparedPoints& cells) {
    constexpr Size sample_size = 4096;
    const Size n_sampled = std::min(cells.n, sample_size);
    RowMatrix<double> sample(n_sampled, cells.n_dims);
    for (Size k = 0; k < n_sampled; ++k) std::copy_n(cells.row(k * cells.n / n_sampled), cells.n_dims, &sample(k, 0));
    sample.rowwise() -= sample.colwise().mean().eval();
    Eigen::RowVectorXd scale = (sample.colwise().squaredNorm() / static_cast<double>(n_sampled)).cwiseSqrt();
    const double largest = scale.maxCoeff();
    for (double& value : scale)
        if (!(value > 0.0)) value = largest > 0.0 ? largest : 1.0;
    return scale;
}

}  // namespace

SmoothShifts::SmoothShifts(DenseView<const double> centers, DenseView<const double> vectors,
                           std::span<const double> multiplicity, double sigma, Threads threads)
    : sigma_(sigma),
      centers_(centers.n_rows(), centers.n_cols() + 1),
      sums_(vectors.n_rows(), vectors.n_cols() + 1),
      biases_(centers.n_rows()) {
    parallel_for(centers.n_rows(), Grain{centers_a_block}, threads, [&](Range block) {
        const auto m = as_eigen(centers).middleRows(block.begin_item, block.size());
        centers_.middleRows(block.begin_item, block.size()) << m.cast<float>(), Eigen::VectorXf::Ones(block.size());
        biases_.segment(block.begin_item, block.size()) = (-0.5 * sigma * m.rowwise().squaredNorm()).cast<float>();
        sums_.middleRows(block.begin_item, block.size())
            << as_eigen(vectors).middleRows(block.begin_item, block.size()).cast<float>(),
            Eigen::Map<const Eigen::VectorXd>(multiplicity.data() + block.begin_item, block.size()).cast<float>();
    });
}

SmoothShifts::LinearMap SmoothShifts::around(const Eigen::RowVectorXd& mean) const {
    const Size d = centers_.cols() - 1;
    const Size p = sums_.cols() - 1;
    const Eigen::VectorXf direction = (sigma_ * mean).transpose().cast<float>();
    Eigen::VectorXf weights = centers_.leftCols(d) * direction + biases_;
    weights = (weights.array() - weights.maxCoeff()).exp();
    // (m, 1) weighted, times (v, k).
    RowMatrix<float> moments = RowMatrix<float>::Zero(d + 1, p + 1);
    RowMatrix<float> weighted(centers_a_block, d + 1);
    for (Size begin = 0; begin < centers_.rows(); begin += centers_a_block) {
        const Size count = std::min(centers_a_block, centers_.rows() - begin);
        weighted.topRows(count) =
            centers_.middleRows(begin, count).array().colwise() * weights.segment(begin, count).array();
        moments.noalias() += weighted.topRows(count).transpose() * sums_.middleRows(begin, count);
    }
    const RowMatrix<double> means = moments.cast<double>() / static_cast<double>(moments(d, p));
    return {mean, means.row(d).head(p),
            sigma_ * (means.topLeftCorner(d, p) - means.col(p).head(d) * means.row(d).head(p))};
}

std::optional<RowMatrix<double>> SmoothShifts::shifts_of(const RowMatrix<double>& cells, const WeightedSums& exact,
                                                         const Eigen::RowVectorXd& scale) const {
    const LinearMap map = around(cells.colwise().mean());
    RowMatrix<double> shifts = ((cells.rowwise() - map.mean) * map.slope).rowwise() + map.offset;

    const Size n_checked = (cells.rows() + cells_a_check - 1) / cells_a_check;
    RowMatrix<double> checked(n_checked, cells.cols());
    for (Size k = 0; k < n_checked; ++k) checked.row(k) = cells.row(k * cells_a_check);
    RowMatrix<float> totals(n_checked, shifts.cols() + 1);
    exact.totals(as_view(std::as_const(checked)), as_view(totals));
    double squares = 0.0;
    for (Size k = 0; k < n_checked; ++k) {
        const Eigen::RowVectorXd expected =
            totals.row(k).head(shifts.cols()).cast<double>() / static_cast<double>(totals(k, shifts.cols()));
        squares += (expected - shifts.row(k * cells_a_check)).cwiseQuotient(scale).squaredNorm();
    }
    const bool is_accurate = squares <= tolerance * tolerance * static_cast<double>(n_checked * shifts.cols());
    return is_accurate ? std::optional(std::move(shifts)) : std::nullopt;
}

std::vector<std::int64_t> SmoothShifts::move(DenseView<double> coordinates, std::span<const std::int64_t> rows,
                                             const WeightedSums& exact, Threads threads) const {
    const auto n_rows = static_cast<Size>(rows.size());
    if (n_rows < fewest_clusters * cells_a_cluster || centers_.rows() < fewest_centers)
        return {rows.begin(), rows.end()};
    const Size n_cols = coordinates.n_cols();
    const PreparedPoints all = gathered(coordinates, rows, threads);
    const Clusters clusters = clusters_of(all, threads);
    const Eigen::RowVectorXd scale = spread(all);

    const Size n_clusters = clusters.centroids.n;
    std::vector<char> is_moved(static_cast<std::size_t>(n_rows), 0);
    parallel_for(n_clusters, Grain{1}, threads, [&](Range range) {
        for (const Size cluster : range) {
            const auto members = clusters.members(cluster);
            const auto count = static_cast<Size>(members.size());
            // A map costs as much as n_cols / 2 cells, the check the rest.
            if (count < n_cols) continue;
            const auto cell = [&](Size k) {
                return coordinates.row(rows[static_cast<std::size_t>(members[static_cast<std::size_t>(k)])]);
            };
            RowMatrix<double> cells(count, n_cols);
            for (Size k = 0; k < count; ++k) std::ranges::copy(cell(k), &cells(k, 0));
            const auto shifts = shifts_of(cells, exact, scale);
            if (!shifts) continue;
            cells += *shifts;
            for (Size k = 0; k < count; ++k) {
                std::copy_n(&cells(k, 0), n_cols, cell(k).data());
                is_moved[static_cast<std::size_t>(members[static_cast<std::size_t>(k)])] = 1;
            }
        }
    });
    std::vector<std::int64_t> left;
    for (std::size_t k = 0; k < rows.size(); ++k)
        if (is_moved[k] == 0) left.push_back(rows[k]);
    return left;
}

}  // namespace cellweave
