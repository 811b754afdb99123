#include "linalg/gram.hpp"

#include <vector>

namespace cellweave {

namespace {

/// The columns of one side of a tile: about 36 tiles, each of at most 256 x 256.
Size tile_width(Size n_cols) {
    const Size eighth = (n_cols + 7) / 8;
    return std::clamp<Size>((eighth + 15) / 16 * 16, 16, 256);
}

struct Tile {
    Size row;
    Size col;
};

std::vector<Tile> lower_tiles(Size n_cols, Size width) {
    std::vector<Tile> tiles;
    for (Size row = 0; row < n_cols; row += width) {
        for (Size col = 0; col <= row; col += width) tiles.push_back({row, col});
    }
    return tiles;
}

}  // namespace

template <Real S>
void add_gram(DenseView<const S> block, RowMatrix<double>& sum, Threads threads) {
    const Size n_cols = block.n_cols();
    const Size width = tile_width(n_cols);
    const std::vector<Tile> tiles = lower_tiles(n_cols, width);
    const auto values = as_eigen(block);
    parallel_for(static_cast<Size>(tiles.size()), Grain{1}, threads, [&](Range range) {
        for (const Size k : range) {
            const auto [row, col] = tiles[static_cast<std::size_t>(k)];
            const Size n_tile_rows = std::min(width, n_cols - row);
            const Size n_tile_cols = std::min(width, n_cols - col);
            const RowMatrix<S> product =
                values.middleCols(row, n_tile_rows).transpose() * values.middleCols(col, n_tile_cols);
            sum.block(row, col, n_tile_rows, n_tile_cols) += product.template cast<double>();
        }
    });
}

void mirror_lower_triangle(RowMatrix<double>& matrix, Threads threads) {
    constexpr Size width = 64;
    const std::vector<Tile> tiles = lower_tiles(matrix.rows(), width);
    parallel_for(static_cast<Size>(tiles.size()), Grain{16}, threads, [&](Range range) {
        for (const Size k : range) {
            const auto [row, col] = tiles[static_cast<std::size_t>(k)];
            for (Size i = row; i < std::min(row + width, matrix.rows()); ++i) {
                for (Size j = col; j < std::min(col + width, i); ++j) matrix(j, i) = matrix(i, j);
            }
        }
    });
}

template void add_gram<float>(DenseView<const float>, RowMatrix<double>&, Threads);
template void add_gram<double>(DenseView<const double>, RowMatrix<double>&, Threads);

}  // namespace cellweave
