#include "linalg/project_out.hpp"

#include <algorithm>
#include <array>

#include "linalg/eigen_views.hpp"

namespace cellweave {

namespace {

using Packet = Eigen::internal::packet_traits<double>::type;
constexpr Size lanes = Eigen::internal::packet_traits<double>::size;

/// Columns of the block that are worked on at a time, in registers.
constexpr Size width = 8;
constexpr Size n_packets = width / lanes;
/// Rows whose columns fill half of sixteen registers.
constexpr Size rows_at_once = 8 / n_packets;
/// Rows of the basis that stay in the cache between two looks at them.
constexpr Size rows_per_tile = 128;

/// Coefficients of up to `width` columns in a basis: a row for each vector of the basis.
using Coefficients = Eigen::Matrix<double, Eigen::Dynamic, width, Eigen::RowMajor>;

/// Rows of up to `width` columns of the block, side by side; zeros where there are fewer.
class Tile {
public:
    Tile(DenseView<double> columns) : columns_(columns) {
        for (Size row = 0; row < columns.n_rows(); ++row) {
            std::fill_n(std::copy_n(columns.row_data(row), columns.n_cols(), row_data(row)), width - columns.n_cols(),
                        0.0);
        }
    }

    double* row_data(Size row) { return values_.data() + row * width; }

    void write_back() {
        for (Size row = 0; row < columns_.n_rows(); ++row)
            std::copy_n(row_data(row), columns_.n_cols(), columns_.row_data(row));
    }

private:
    DenseView<double> columns_;
    alignas(64) std::array<double, rows_per_tile * width> values_;
};

/// `n` rows of a tile in registers.
template <Size n>
struct Rows {
    static constexpr Size n_rows = n;
    Packet values[n][n_packets];

    explicit Rows(const double* from) {
        for (Size r = 0; r < n; ++r)
            for (Size p = 0; p < n_packets; ++p)
                values[r][p] = Eigen::internal::ploadu<Packet>(from + r * width + p * lanes);
    }
    void store(double* to) const {
        for (Size r = 0; r < n; ++r)
            for (Size p = 0; p < n_packets; ++p) Eigen::internal::pstoreu(to + r * width + p * lanes, values[r][p]);
    }
};

/// Calls f(rows in registers, the first one's number) until all rows of the tile are covered.
template <class F>
void for_rows(Tile& tile, Size n_rows, F&& f) {
    Size row = 0;
    for (; row + rows_at_once <= n_rows; row += rows_at_once) f(Rows<rows_at_once>(tile.row_data(row)), row);
    for (; row < n_rows; ++row) f(Rows<1>(tile.row_data(row)), row);
}

/// sums += basis^T tile.
void add_inner_products(DenseView<const double> basis, Tile& tile, Coefficients& sums) {
    using namespace Eigen::internal;
    for_rows(tile, basis.n_rows(), [&](const auto& rows, Size first) {
        for (Size k = 0; k < basis.n_cols(); ++k) {
            double* const sum = sums.row(k).data();
            Packet total[n_packets];
            for (Size p = 0; p < n_packets; ++p) total[p] = ploadu<Packet>(sum + p * lanes);
            for (Size r = 0; r < rows.n_rows; ++r) {
                const Packet factor = pset1<Packet>(basis(first + r, k));
                for (Size p = 0; p < n_packets; ++p) total[p] = padd(total[p], pmul(factor, rows.values[r][p]));
            }
            for (Size p = 0; p < n_packets; ++p) pstoreu(sum + p * lanes, total[p]);
        }
    });
}

/// tile -= basis coefficients.
void subtract_combination(DenseView<const double> basis, const Coefficients& coefficients, Tile& tile) {
    using namespace Eigen::internal;
    for_rows(tile, basis.n_rows(), [&](auto rows, Size first) {
        for (Size k = 0; k < basis.n_cols(); ++k) {
            Packet parts[n_packets];
            for (Size p = 0; p < n_packets; ++p) parts[p] = ploadu<Packet>(coefficients.row(k).data() + p * lanes);
            for (Size r = 0; r < rows.n_rows; ++r) {
                const Packet factor = pset1<Packet>(basis(first + r, k));
                for (Size p = 0; p < n_packets; ++p)
                    rows.values[r][p] = psub(rows.values[r][p], pmul(factor, parts[p]));
            }
        }
        rows.store(tile.row_data(first));
    });
}

/// The sum over all rows of what `add` puts into zeroed coefficients: add(rows of a tile, sums).
template <class Add>
Coefficients sum_over_tiles(DenseView<const double> basis, Threads threads, Add&& add) {
    const Grain grain{std::max(rows_per_tile, (basis.n_rows() + 15) / 16)};
    return parallel_reduce(
        basis.n_rows(), grain, threads,
        [&](Range rows) -> Coefficients {
            Coefficients sums = Coefficients::Zero(basis.n_cols(), width);
            for (Size begin = rows.begin_item; begin < rows.end_item; begin += rows_per_tile)
                add(Range{begin, std::min(begin + rows_per_tile, rows.end_item)}, sums);
            return sums;
        },
        [](Coefficients& into, Coefficients&& next) { into += next; });
}

/// project_out() of up to `width` columns.
Coefficients project_out_panel(DenseView<const double> basis, DenseView<double> columns, Threads threads) {
    const auto of_basis = [&](Range rows) { return basis.rows(rows.begin_item, rows.end_item); };
    const auto of_columns = [&](Range rows) { return Tile(columns.rows(rows.begin_item, rows.end_item)); };
    Coefficients parts = sum_over_tiles(basis, threads, [&](Range rows, Coefficients& sums) {
        Tile tile = of_columns(rows);
        add_inner_products(of_basis(rows), tile, sums);
    });
    const Coefficients rest = sum_over_tiles(basis, threads, [&](Range rows, Coefficients& sums) {
        Tile tile = of_columns(rows);
        subtract_combination(of_basis(rows), parts, tile);
        tile.write_back();
        add_inner_products(of_basis(rows), tile, sums);
    });
    parallel_for(basis.n_rows(), Grain{rows_per_tile}, threads, [&](Range rows) {
        Tile tile = of_columns(rows);
        subtract_combination(of_basis(rows), rest, tile);
        tile.write_back();
    });
    return parts + rest;
}

}  // namespace

Eigen::MatrixXd project_out(DenseView<const double> basis, DenseView<double> block, Threads threads) {
    assert(basis.n_rows() == block.n_rows());
    Eigen::MatrixXd coefficients(basis.n_cols(), block.n_cols());
    if (block.n_rows() == 0) return Eigen::MatrixXd::Zero(basis.n_cols(), block.n_cols());
    for (Size first = 0; first < block.n_cols(); first += width) {
        const Size n = std::min(width, block.n_cols() - first);
        const DenseView<double> columns(block.data() + first, block.n_rows(), n, block.row_stride());
        coefficients.middleCols(first, n) = project_out_panel(basis, columns, threads).leftCols(n);
    }
    return coefficients;
}

}  // namespace cellweave
