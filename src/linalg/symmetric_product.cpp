#include "linalg/symmetric_product.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <vector>

namespace cellweave {

namespace {

constexpr Size panel_width = 8;
constexpr Size n_lines = 4;    ///< rows that are multiplied at a time: their sums stay in registers
constexpr Size n_shares = 16;  ///< of the rows

/// Eight columns of a row.
using Panel = Eigen::Array<double, panel_width, 1>;
using Panels = std::vector<Panel>;

Panels zero_panels(Size n_rows) {
    return Panels(static_cast<std::size_t>(n_rows), Panel::Zero());
}

/// Eight columns of `thin` from `first` on; zeros beyond its last.
Panels panels_of(DenseView<const double> thin, Size first) {
    Panels panels = zero_panels(thin.n_rows());
    const Size width = std::min(panel_width, thin.n_cols() - first);
    for (Size row = 0; row < thin.n_rows(); ++row)
        std::copy_n(thin.row_data(row) + first, width, panels[static_cast<std::size_t>(row)].data());
    return panels;
}

/// Adds what a row gives from column `begin` to the diagonal, and its mirror image below it.
void add_row(DenseView<const double> matrix, Size row, Size begin, const Panel* panels, Panel* image) {
    const double* const values = matrix.row_data(row);
    const Panel factor = panels[row];
    Panel sum = image[row] + values[row] * factor;
    for (Size k = begin; k < row; ++k) {
        sum += values[k] * panels[k];
        image[k] += values[k] * factor;
    }
    image[row] = sum;
}

/// The same for rows [row, row + n_lines), from column 0.
void add_rows(DenseView<const double> matrix, Size row, const Panel* panels, Panel* image) {
    const double* const lines[n_lines] = {matrix.row_data(row), matrix.row_data(row + 1), matrix.row_data(row + 2),
                                          matrix.row_data(row + 3)};
    const Panel* const factors = panels + row;
    Panel sums[n_lines] = {Panel::Zero(), Panel::Zero(), Panel::Zero(), Panel::Zero()};
    for (Size k = 0; k < row; ++k) {
        const Panel& panel = panels[k];
        sums[0] += lines[0][k] * panel;
        sums[1] += lines[1][k] * panel;
        sums[2] += lines[2][k] * panel;
        sums[3] += lines[3][k] * panel;
        image[k] = image[k] + lines[0][k] * factors[0] + lines[1][k] * factors[1] + lines[2][k] * factors[2] +
                   lines[3][k] * factors[3];
    }
    for (Size line = 0; line < n_lines; ++line) {
        image[row + line] += sums[line];
        add_row(matrix, row + line, row, panels, image);
    }
}

/// What every n_shares-th block of rows gives. Blocks are dealt to and fro: rows grow longer, and shares do not.
Panels image_of_share(DenseView<const double> matrix, Size share, const Panels& panels) {
    const Size n = matrix.n_rows();
    Panels image = zero_panels(n);
    for (Size lap = 0; lap * n_shares * n_lines < n; ++lap) {
        const Size begin = n_lines * (lap * n_shares + (lap % 2 == 0 ? share : n_shares - 1 - share));
        if (begin + n_lines <= n) {
            add_rows(matrix, begin, panels.data(), image.data());
        } else {
            for (Size row = begin; row < n; ++row) add_row(matrix, row, 0, panels.data(), image.data());
        }
    }
    return image;
}

}  // namespace

void multiply_symmetric(DenseView<const double> matrix, DenseView<const double> thin, DenseView<double> out,
                        Threads threads) {
    for (Size first = 0; first < thin.n_cols(); first += panel_width) {
        const Panels panels = panels_of(thin, first);
        const Size width = std::min(panel_width, thin.n_cols() - first);
        std::vector<Panels> images(n_shares);
        parallel_for(n_shares, Grain{1}, threads, [&](Range shares) {
            for (const Size share : shares)
                images[static_cast<std::size_t>(share)] = image_of_share(matrix, share, panels);
        });
        parallel_for(matrix.n_rows(), Grain{256}, threads, [&](Range rows) {
            for (const Size row : rows) {
                Panel sum = Panel::Zero();
                for (const Panels& image : images) sum += image[static_cast<std::size_t>(row)];
                std::copy_n(sum.data(), width, out.row_data(row) + first);
            }
        });
    }
}

}  // namespace cellweave
