#include "integrate/move_cells.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "core/monitor.hpp"
#include "integrate/weighted_sums.hpp"

namespace cellweave {

namespace {

constexpr Size cells_a_tile = 256;
constexpr Size centers_a_tile = 512;
/// Below it, exp() is zero in double precision.
constexpr double log_of_smallest = -745.13;
/// Logits in float32 need no running maximum within these bounds, and are exact to 1e-5.
constexpr double float_logit_bound = 60.0;

using RowMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

double largest_norm(DenseView<const double> rows, Threads threads) {
    return std::sqrt(parallel_reduce(
        rows.n_rows(), Grain{4096}, threads,
        [&](Range range) {
            double largest = 0.0;
            for (const Size row : range) {
                const auto values = rows.row(row);
                largest = std::max(largest, std::inner_product(values.begin(), values.end(), values.begin(), 0.0));
            }
            return largest;
        },
        [](double& into, double&& next) { into = std::max(into, next); }));
}

/// Matched cells and their vectors, in the layout in which the tiles of the general case read them.
struct Centers {
    /// (sigma m, -sigma / 2 |m|^2): times (x, 1) it gives the logit up to -sigma / 2 |x|^2, which cancels in the mean.
    RowMatrix scaled;
    /// (sum of match vectors, how many): times the weights it gives numerator and denominator.
    RowMatrix sums;

    Centers(DenseView<const double> centers, DenseView<const double> vectors, std::span<const double> multiplicity,
            double sigma)
        : scaled(centers.n_rows(), centers.n_cols() + 1), sums(centers.n_rows(), vectors.n_cols() + 1) {
        for (Size c = 0; c < centers.n_rows(); ++c) {
            double square = 0.0;
            for (Size k = 0; k < centers.n_cols(); ++k) {
                const double value = centers(c, k);
                square += value * value;
                scaled(c, k) = sigma * value;
            }
            scaled(c, centers.n_cols()) = -0.5 * sigma * square;
            for (Size k = 0; k < vectors.n_cols(); ++k) sums(c, k) = vectors(c, k);
            sums(c, vectors.n_cols()) = multiplicity[static_cast<std::size_t>(c)];
        }
    }
};

RowMatrix with_one(DenseView<const double> cells) {
    RowMatrix result(cells.n_rows(), cells.n_cols() + 1);
    for (Size row = 0; row < cells.n_rows(); ++row) {
        for (Size k = 0; k < cells.n_cols(); ++k) result(row, k) = cells(row, k);
        result(row, cells.n_cols()) = 1.0;
    }
    return result;
}

/// What makes a weight of a distance, and when the weights are too small to count.
struct Kernel {
    double sigma;
    double least_total;
};

/// One row of shifts from its totals; none where they are too small to count.
void divide_into(const auto& totals, Size row, double denominator, DenseView<double> shifts) {
    const double factor = denominator > 0.0 ? 1.0 / denominator : 0.0;
    for (Size k = 0; k < shifts.n_cols(); ++k) shifts(row, k) = factor * static_cast<double>(totals(row, k));
}

double half_square(std::span<const double> cell, double sigma) {
    return 0.5 * sigma * std::inner_product(cell.begin(), cell.end(), cell.begin(), 0.0);
}

/// One tile of cells when all logits are small.
void shifts_of_bounded(DenseView<const double> cells, const WeightedSums& centers, const Kernel& kernel,
                       DenseView<double> shifts) {
    const Size n_sums = shifts.n_cols() + 1;
    std::vector<float> scratch(static_cast<std::size_t>(cells.n_rows() * n_sums));
    const DenseView<float> totals(scratch.data(), cells.n_rows(), n_sums);
    centers.totals(cells, totals);
    for (Size row = 0; row < cells.n_rows(); ++row) {
        const double count = totals(row, shifts.n_cols());
        const bool counts = kernel.least_total == 0.0 ||
                            count * std::exp(-half_square(cells.row(row), kernel.sigma)) >= kernel.least_total;
        divide_into(totals, row, counts ? count : 0.0, shifts);
    }
}

/// One tile of cells in general: a running maximum keeps the largest weight at one.
void shifts_of_any(DenseView<const double> cells, const Centers& centers, const Kernel& kernel,
                   DenseView<double> shifts) {
    const RowMatrix tile = with_one(cells);
    RowMatrix weights(cells.n_rows(), centers_a_tile);
    RowMatrix totals = RowMatrix::Zero(cells.n_rows(), centers.sums.cols());
    Eigen::VectorXd largest = Eigen::VectorXd::Constant(cells.n_rows(), -std::numeric_limits<double>::max());
    for (Size begin = 0; begin < centers.scaled.rows(); begin += centers_a_tile) {
        const Size count = std::min(centers_a_tile, static_cast<Size>(centers.scaled.rows()) - begin);
        auto logits = weights.leftCols(count);
        logits.noalias() = tile * centers.scaled.middleRows(begin, count).transpose();
        const Eigen::VectorXd now = logits.rowwise().maxCoeff().cwiseMax(largest);
        totals.array().colwise() *= (largest - now).array().exp();
        largest = now;
        logits.colwise() -= largest;
        logits.array() = logits.array().exp();
        totals.noalias() += logits * centers.sums.middleRows(begin, count);
    }
    for (Size row = 0; row < cells.n_rows(); ++row) {
        // The largest weight itself: the -sigma / 2 |x|^2 left out so far is added.
        const double log_weight = largest(row) - half_square(cells.row(row), kernel.sigma);
        const double count = totals(row, shifts.n_cols());
        const bool counts = log_weight >= log_of_smallest && count * std::exp(log_weight) >= kernel.least_total;
        divide_into(totals, row, counts ? count : 0.0, shifts);
    }
}

bool logits_are_small(double largest_cell, double largest_center, double sigma) {
    const double below = sigma * largest_cell * largest_center + 0.5 * sigma * largest_center * largest_center;
    const double above = 0.5 * sigma * largest_cell * largest_cell;
    return below <= float_logit_bound && above <= float_logit_bound;
}

/// Calls `shifts_of(tile of cells, out)` with the kernel that suits the data.
template <class Use>
void with_kernel(DenseView<const double> centers, DenseView<const double> vectors, std::span<const double> multiplicity,
                 const Kernel& kernel, double largest_cell, Threads threads, Use&& use) {
    using Cells = DenseView<const double>;
    if (logits_are_small(largest_cell, largest_norm(centers, threads), kernel.sigma)) {
        const WeightedSums prepared(centers, vectors, multiplicity, kernel.sigma, threads);
        use([&](Cells cells, DenseView<double> out) { shifts_of_bounded(cells, prepared, kernel, out); });
    } else {
        const Centers prepared(centers, vectors, multiplicity, kernel.sigma);
        use([&](Cells cells, DenseView<double> out) { shifts_of_any(cells, prepared, kernel, out); });
    }
}

/// The distinct matched cells and the sums of the vectors that start there.
struct MatchSums {
    std::vector<double> centers;
    std::vector<double> vectors;
    std::vector<double> multiplicity;

    MatchSums(DenseView<const double> coordinates, const MatchedRows& matches) {
        std::vector<std::int64_t> distinct(matches.cells.begin(), matches.cells.end());
        std::ranges::sort(distinct);
        distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
        const auto n_cols = static_cast<std::size_t>(coordinates.n_cols());
        multiplicity.assign(distinct.size(), 0.0);
        vectors.assign(distinct.size() * n_cols, 0.0);
        centers.reserve(distinct.size() * n_cols);
        for (const Size cell : distinct) {
            const auto row = coordinates.row(cell);
            centers.insert(centers.end(), row.begin(), row.end());
        }
        for (std::size_t k = 0; k < matches.cells.size(); ++k) {
            const auto found = std::lower_bound(distinct.begin(), distinct.end(), matches.cells[k]) - distinct.begin();
            const auto center = static_cast<std::size_t>(found);
            const auto from = coordinates.row(matches.cells[k]);
            const auto to = coordinates.row(matches.references[k]);
            double* const sum = vectors.data() + center * n_cols;
            for (std::size_t d = 0; d < n_cols; ++d) sum[d] += to[d] - from[d];
            multiplicity[center] += 1.0;
        }
    }
};

}  // namespace

void move_cells(DenseView<double> coordinates, std::span<const Range> moved, const MatchedRows& matches, double sigma,
                double least_total, Threads threads) {
    if (matches.cells.empty()) return;
    const MatchSums sums(coordinates, matches);
    const auto n_centers = static_cast<Size>(sums.multiplicity.size());
    const DenseView<const double> centers(sums.centers.data(), n_centers, coordinates.n_cols());
    const DenseView<const double> vectors(sums.vectors.data(), n_centers, coordinates.n_cols());
    double largest_cell = 0.0;
    Size n_moved = 0;
    std::vector<Range> tiles;
    for (const Range rows : moved) {
        largest_cell = std::max(largest_cell, largest_norm(coordinates.rows(rows.begin_item, rows.end_item), threads));
        n_moved += rows.size();
        for (Size begin = rows.begin_item; begin < rows.end_item; begin += cells_a_tile)
            tiles.push_back({begin, std::min(begin + cells_a_tile, rows.end_item)});
    }
    with_kernel(centers, vectors, sums.multiplicity, {sigma, least_total}, largest_cell, threads,
                [&](auto&& shifts_of) {
                    Progress stage("Moving cells", n_moved);
                    parallel_for(static_cast<Size>(tiles.size()), Grain{1}, threads, [&](Range range) {
                        std::vector<double> scratch(static_cast<std::size_t>(cells_a_tile * coordinates.n_cols()));
                        for (const Size t : range) {
                            const Range rows = tiles[static_cast<std::size_t>(t)];
                            const auto cells = coordinates.rows(rows.begin_item, rows.end_item);
                            const DenseView<double> shifts(scratch.data(), rows.size(), coordinates.n_cols());
                            shifts_of(DenseView<const double>(cells), shifts);
                            for (Size row = 0; row < rows.size(); ++row)
                                for (Size d = 0; d < coordinates.n_cols(); ++d) cells(row, d) += shifts(row, d);
                            stage.advance(rows.size());
                        }
                    });
                });
}

}  // namespace cellweave
