#include "integrate/move_cells.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "core/monitor.hpp"
#include "integrate/smooth_shifts.hpp"
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

/// One row of shifts from its totals; none where they are too small to count.
void divide_into(const auto& totals, Size row, double denominator, DenseView<double> shifts) {
    const double factor = denominator > 0.0 ? 1.0 / denominator : 0.0;
    for (Size k = 0; k < shifts.n_cols(); ++k) shifts(row, k) = factor * static_cast<double>(totals(row, k));
}

double half_square(std::span<const double> cell, double sigma) {
    return 0.5 * sigma * std::inner_product(cell.begin(), cell.end(), cell.begin(), 0.0);
}

/// One tile of cells when all logits are small.
void shifts_of_bounded(DenseView<const double> cells, const WeightedSums& centers, const MoveOptions& options,
                       DenseView<double> shifts) {
    const Size n_sums = shifts.n_cols() + 1;
    std::vector<float> scratch(static_cast<std::size_t>(cells.n_rows() * n_sums));
    const DenseView<float> totals(scratch.data(), cells.n_rows(), n_sums);
    centers.totals(cells, totals);
    for (Size row = 0; row < cells.n_rows(); ++row) {
        const double count = totals(row, shifts.n_cols());
        const bool counts = options.least_total == 0.0 ||
                            count * std::exp(-half_square(cells.row(row), options.sigma)) >= options.least_total;
        divide_into(totals, row, counts ? count : 0.0, shifts);
    }
}

/// One tile of cells in general: a running maximum keeps the largest weight at one.
void shifts_of_any(DenseView<const double> cells, const Centers& centers, const MoveOptions& options,
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
        const double log_weight = largest(row) - half_square(cells.row(row), options.sigma);
        const double count = totals(row, shifts.n_cols());
        const bool counts = log_weight >= log_of_smallest && count * std::exp(log_weight) >= options.least_total;
        divide_into(totals, row, counts ? count : 0.0, shifts);
    }
}

bool logits_are_small(double largest_cell, double largest_center, double sigma) {
    const double below = sigma * largest_cell * largest_center + 0.5 * sigma * largest_center * largest_center;
    const double above = 0.5 * sigma * largest_cell * largest_cell;
    return below <= float_logit_bound && above <= float_logit_bound;
}

/// The distinct matched cells and the sums of the vectors that start there.
class MatchSums {
public:
    MatchSums(DenseView<const double> coordinates, const MatchedRows& matches, Threads threads)
        : n_cols_(coordinates.n_cols()) {
        std::vector<std::size_t> by_cell(matches.cells.size());
        std::iota(by_cell.begin(), by_cell.end(), std::size_t{0});
        std::ranges::stable_sort(by_cell, {}, [&](std::size_t k) { return matches.cells[k]; });
        std::vector<std::size_t> starts;
        for (std::size_t k = 0; k < by_cell.size(); ++k)
            if (k == 0 || matches.cells[by_cell[k]] != matches.cells[by_cell[k - 1]]) starts.push_back(k);
        n_centers_ = static_cast<Size>(starts.size());
        starts.push_back(by_cell.size());
        multiplicity_.resize(static_cast<std::size_t>(n_centers_));
        centers_.resize(static_cast<std::size_t>(n_centers_ * n_cols_));
        vectors_.assign(centers_.size(), 0.0);
        parallel_for(n_centers_, Grain{256}, threads, [&](Range range) {
            for (const Size center : range) {
                const auto c = static_cast<std::size_t>(center);
                const auto from = coordinates.row(matches.cells[by_cell[starts[c]]]);
                std::ranges::copy(from, centers_.begin() + center * n_cols_);
                double* const sum = vectors_.data() + center * n_cols_;
                for (std::size_t k = starts[c]; k < starts[c + 1]; ++k) {
                    const auto to = coordinates.row(matches.references[by_cell[k]]);
                    for (std::size_t d = 0; d < from.size(); ++d) sum[d] += to[d] - from[d];
                }
                multiplicity_[c] = static_cast<double>(starts[c + 1] - starts[c]);
            }
        });
    }

    DenseView<const double> centers() const { return {centers_.data(), n_centers_, n_cols_}; }
    DenseView<const double> vectors() const { return {vectors_.data(), n_centers_, n_cols_}; }
    std::span<const double> multiplicity() const { return multiplicity_; }

private:
    Size n_cols_;
    Size n_centers_ = 0;
    std::vector<double> centers_;
    std::vector<double> vectors_;
    std::vector<double> multiplicity_;
};

/// Adds `shifts_of(cells, out)` to the given rows, tile by tile.
void shift_rows(DenseView<double> coordinates, std::span<const std::int64_t> rows, Threads threads, Progress& stage,
                auto&& shifts_of) {
    const Size n_cols = coordinates.n_cols();
    parallel_for(static_cast<Size>(rows.size()), Grain{cells_a_tile}, threads, [&](Range range) {
        std::vector<double> scratch(static_cast<std::size_t>(2 * range.size() * n_cols));
        const DenseView<double> cells(scratch.data(), range.size(), n_cols);
        const DenseView<double> shifts(scratch.data() + range.size() * n_cols, range.size(), n_cols);
        for (const Size k : range)
            std::ranges::copy(coordinates.row(rows[static_cast<std::size_t>(k)]), cells.row_data(k - range.begin_item));
        shifts_of(DenseView<const double>(cells), shifts);
        for (const Size k : range) {
            const auto cell = coordinates.row(rows[static_cast<std::size_t>(k)]);
            const auto shift = shifts.row(k - range.begin_item);
            for (std::size_t d = 0; d < cell.size(); ++d) cell[d] += shift[d];
        }
        stage.advance(range.size());
    });
}

}  // namespace

void move_cells(DenseView<double> coordinates, std::span<const Range> moved, const MatchedRows& matches,
                const MoveOptions& options, Threads threads) {
    if (matches.cells.empty()) return;
    const MatchSums sums(coordinates, matches, threads);
    std::vector<std::int64_t> rows;
    double largest_cell = 0.0;
    for (const Range range : moved) {
        largest_cell =
            std::max(largest_cell, largest_norm(coordinates.rows(range.begin_item, range.end_item), threads));
        for (const Size row : range) rows.push_back(row);
    }
    Progress stage("Moving cells", static_cast<Size>(rows.size()));
    if (!logits_are_small(largest_cell, largest_norm(sums.centers(), threads), options.sigma)) {
        const Centers centers(sums.centers(), sums.vectors(), sums.multiplicity(), options.sigma);
        return shift_rows(coordinates, rows, threads, stage, [&](DenseView<const double> cells, DenseView<double> out) {
            shifts_of_any(cells, centers, options, out);
        });
    }
    const WeightedSums centers(sums.centers(), sums.vectors(), sums.multiplicity(), options.sigma, threads);
    if (options.approximate && options.least_total == 0.0) {
        const SmoothShifts smooth(sums.centers(), sums.vectors(), sums.multiplicity(), options.sigma, threads);
        const auto n_all = rows.size();
        rows = smooth.move(coordinates, rows, centers, threads);
        stage.advance(static_cast<Size>(n_all - rows.size()));
    }
    shift_rows(coordinates, rows, threads, stage, [&](DenseView<const double> cells, DenseView<double> out) {
        shifts_of_bounded(cells, centers, options, out);
    });
}

}  // namespace cellweave
