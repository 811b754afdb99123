#include <cmath>
#include <vector>

#include "check.hpp"
#include "integrate/move_cells.hpp"
#include "linalg/random_matrices.hpp"

using namespace cellweave;
using namespace cellweave::testing;

namespace {

constexpr Size n_moved = 9000;
constexpr Size n_dims = 12;

/// Points of length one around eight directions; those from n_moved on are shifted, and every third of the others is
/// matched to the one that lies where it would be without the shift.
struct Sample {
    RowMatrix<double> points;
    std::vector<std::int64_t> cells;
    std::vector<std::int64_t> references;

    Sample() : points(0.15 * random_dense<double>(n_moved + n_moved / 3, n_dims, 1)) {
        const RowMatrix<double> directions = random_dense<double>(8, n_dims, 2).rowwise().normalized();
        for (Size row = 0; row < n_moved; ++row)
            points.row(row) = (points.row(row) + directions.row(row % 8)).normalized();
        for (Size row = n_moved; row < points.rows(); ++row) {
            cells.push_back((row - n_moved) * 3);
            references.push_back(row);
            points.row(row) = points.row(cells.back()) + 0.2 * directions.row(0);
        }
    }

    RowMatrix<double> moved(const MoveOptions& options, int threads) const {
        RowMatrix<double> result = points;
        move_cells(as_view(result), std::vector<Range>{{0, n_moved}}, {cells, references}, options, Threads{threads});
        return result;
    }
};

double rms(const RowMatrix<double>& a) {
    return std::sqrt(a.squaredNorm() / static_cast<double>(a.size()));
}

}  // namespace

TEST("move_cells: shared maps move many cells nearly as the full sums do, whatever the number of threads") {
    const Sample sample;
    const RowMatrix<double> exact = sample.moved({}, 2);
    const RowMatrix<double> approximate = sample.moved({.approximate = true}, 2);
    const double spread = rms(sample.points.rowwise() - sample.points.colwise().mean());
    CHECK(rms(exact - sample.points) > 0.1 * spread);
    CHECK(approximate != exact);
    CHECK(rms(approximate - exact) < 0.01 * spread);
    CHECK(approximate == sample.moved({.approximate = true}, 3));
    CHECK(approximate.bottomRows(n_moved / 3) == sample.points.bottomRows(n_moved / 3));
}

TEST("move_cells: a mean of match vectors under Gaussian weights") {
    const RowMatrix<double> points = random_dense<double>(30, 3, 3);
    const std::vector<std::int64_t> cells{0, 4, 4, 9};
    const std::vector<std::int64_t> references{20, 21, 22, 23};
    // The second is too large for logits in float32.
    for (const double sigma : {0.8, 60.0}) {
        RowMatrix<double> expected = points;
        for (Size row = 0; row < 20; ++row) {
            Eigen::RowVectorXd sum = Eigen::RowVectorXd::Zero(3);
            double weights = 0.0;
            for (std::size_t k = 0; k < cells.size(); ++k) {
                const double weight = std::exp(-0.5 * sigma * (points.row(row) - points.row(cells[k])).squaredNorm());
                sum += weight * (points.row(references[k]) - points.row(cells[k]));
                weights += weight;
            }
            expected.row(row) += sum / weights;
        }
        RowMatrix<double> moved = points;
        move_cells(as_view(moved), std::vector<Range>{{0, 20}}, {cells, references}, {.sigma = sigma}, Threads{2});
        CHECK((moved - expected).cwiseAbs().maxCoeff() < 1e-5);
    }
}
