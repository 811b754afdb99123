#include "integrate/weighted_sums.hpp"

#include <algorithm>
#include <cassert>

#include "core/exponential.hpp"
#include "core/simd.hpp"

namespace cellweave {

namespace {

constexpr Size group_size = 6;
constexpr Size panel_size = 16;
/// 240 x 16 weights, and the 240 x 6 numbers they meet, fit into a first cache of 32 kB; a block of packed centers of
/// 100 coordinates into a second one of 256 kB.
constexpr Size centers_a_block = 240;
static_assert(centers_a_block % group_size == 0);

constexpr Size rounded_up(Size n, Size to) {
    return (n + to - 1) / to * to;
}

/// A number for each cell of a panel.
struct alignas(64) Panel {
    float of_cell[panel_size];
};

/// out[r] += sum over k of left[k][r] right[k], for the six rows r.
void add_products(const float* left, const Panel* right, Size depth, Panel* out) {
    constexpr Size n_lanes = Floats::n_lanes;
    for (Size cell = 0; cell < panel_size; cell += 2 * n_lanes) {
        Floats low[group_size];
        Floats high[group_size];
        for (Size r = 0; r < group_size; ++r) {
            low[r] = Floats::load(out[r].of_cell + cell);
            high[r] = Floats::load(out[r].of_cell + cell + n_lanes);
        }
        for (Size k = 0; k < depth; ++k) {
            const Floats right_low = Floats::load(right[k].of_cell + cell);
            const Floats right_high = Floats::load(right[k].of_cell + cell + n_lanes);
            for (Size r = 0; r < group_size; ++r) {
                const Floats factor = Floats::broadcast(left[k * group_size + r]);
                low[r] = multiply_add(factor, right_low, low[r]);
                high[r] = multiply_add(factor, right_high, high[r]);
            }
        }
        for (Size r = 0; r < group_size; ++r) {
            low[r].store(out[r].of_cell + cell);
            high[r].store(out[r].of_cell + cell + n_lanes);
        }
    }
}

void exponentiate(Panel* panels, Size n_panels) {
    float* const values = panels->of_cell;
    for (Size k = 0; k < n_panels * panel_size; ++k) values[k] = fast_exp(values[k]);
}

/// Panels of coordinates and one, `depth` of them for every 16 cells; cells beyond the last are zero.
std::vector<Panel> packed(DenseView<const double> cells, Size depth) {
    const Size n_panels = rounded_up(cells.n_rows(), panel_size) / panel_size;
    std::vector<Panel> panels(static_cast<std::size_t>(n_panels * depth), Panel{});
    for (Size cell = 0; cell < cells.n_rows(); ++cell) {
        Panel* const of_panel = panels.data() + cell / panel_size * depth;
        for (Size k = 0; k < cells.n_cols(); ++k)
            of_panel[k].of_cell[cell % panel_size] = static_cast<float>(cells(cell, k));
        of_panel[cells.n_cols()].of_cell[cell % panel_size] = 1.0F;
    }
    return panels;
}

}  // namespace

WeightedSums::WeightedSums(DenseView<const double> centers, DenseView<const double> vectors,
                           std::span<const double> multiplicity, double sigma, Threads threads)
    : n_blocks_(rounded_up(centers.n_rows(), centers_a_block) / centers_a_block),
      depth_(centers.n_cols() + 1),
      n_sums_(rounded_up(vectors.n_cols() + 1, group_size)) {
    const Size n_padded = n_blocks_ * centers_a_block;
    // What pads the last block has a weight of one and vectors of zero.
    scaled_.assign(static_cast<std::size_t>(n_padded * depth_), 0.0F);
    sums_.assign(static_cast<std::size_t>(n_padded * n_sums_), 0.0F);
    parallel_for(centers.n_rows(), Grain{centers_a_block}, threads, [&](Range block) {
        float* const sums = sums_.data() + block.begin_item * n_sums_;
        const auto sum = [&](Size column, Size in_block) -> float& {
            return sums[(column / group_size * centers_a_block + in_block) * group_size + column % group_size];
        };
        for (const Size c : block) {
            float* const scaled = scaled_.data() + c / group_size * group_size * depth_ + c % group_size;
            double square = 0.0;
            for (Size k = 0; k < centers.n_cols(); ++k) {
                const double value = centers(c, k);
                square += value * value;
                scaled[k * group_size] = static_cast<float>(sigma * value);
            }
            scaled[centers.n_cols() * group_size] = static_cast<float>(-0.5 * sigma * square);
            const Size in_block = c - block.begin_item;
            for (Size k = 0; k < vectors.n_cols(); ++k) sum(k, in_block) = static_cast<float>(vectors(c, k));
            sum(vectors.n_cols(), in_block) = static_cast<float>(multiplicity[static_cast<std::size_t>(c)]);
        }
    });
}

void WeightedSums::totals(DenseView<const double> cells, DenseView<float> totals) const {
    assert(cells.n_cols() + 1 == depth_ && totals.n_cols() <= n_sums_);
    const std::vector<Panel> coordinates = packed(cells, depth_);
    const Size n_panels = static_cast<Size>(coordinates.size()) / depth_;
    std::vector<Panel> sums(static_cast<std::size_t>(n_panels * n_sums_), Panel{});
    std::vector<Panel> weights(static_cast<std::size_t>(centers_a_block));
    for (Size block = 0; block < n_blocks_; ++block) {
        const float* const scaled = scaled_.data() + block * centers_a_block * depth_;
        const float* const vectors = sums_.data() + block * centers_a_block * n_sums_;
        for (Size panel = 0; panel < n_panels; ++panel) {
            std::ranges::fill(weights, Panel{});
            for (Size center = 0; center < centers_a_block; center += group_size)
                add_products(scaled + center * depth_, coordinates.data() + panel * depth_, depth_,
                             weights.data() + center);
            exponentiate(weights.data(), centers_a_block);
            for (Size column = 0; column < n_sums_; column += group_size)
                add_products(vectors + column * centers_a_block, weights.data(), centers_a_block,
                             sums.data() + panel * n_sums_ + column);
        }
    }
    for (Size cell = 0; cell < totals.n_rows(); ++cell)
        for (Size k = 0; k < totals.n_cols(); ++k)
            totals(cell, k) =
                sums[static_cast<std::size_t>(cell / panel_size * n_sums_ + k)].of_cell[cell % panel_size];
}

}  // namespace cellweave
