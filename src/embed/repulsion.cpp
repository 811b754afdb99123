#include "embed/repulsion.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <optional>

#include "core/error.hpp"
#include "embed/fft.hpp"

namespace cellweave {

namespace {

constexpr Size lanes = Fft::lanes;
/// Nodes along one axis that a point's charge goes to, and that its force comes from.
constexpr Size support = 4;
/// Between nodes, in units of the layout, where the grid need be no finer: the kernels' width is 1.
constexpr double widest_spacing = 0.4;
constexpr Size min_nodes = 64;
/// Keeps a grid of a layout that a large learning rate blew up from taking all memory.
constexpr Size max_nodes = 1536;
/// Rows of cells whose points are spread together. They touch three rows of nodes more, so two tiles apart do not meet.
constexpr Size tile_rows = 8;

/// Floats aligned for vector registers.
using Plane = Eigen::ArrayXf;

class ExactRepulsion final : public Repulsion {
public:
    explicit ExactRepulsion(Threads threads) : threads_(threads) {}

    double compute(DenseView<const float> layout, DenseView<float> forces) override {
        const Size n = layout.n_rows();
        Plane x(n);
        Plane y(n);
        for (Size point = 0; point < n; ++point) {
            x[point] = layout(point, 0);
            y[point] = layout(point, 1);
        }
        return parallel_reduce(
            n, Grain{64}, threads_,
            [&](Range points) {
                double total = 0;
                Plane dx(n);
                Plane dy(n);
                Plane closeness(n);
                for (const Size point : points) {
                    dx = layout(point, 0) - x;
                    dy = layout(point, 1) - y;
                    closeness = (1.0F + dx.square() + dy.square()).inverse();
                    total += static_cast<double>(closeness.sum()) - 1.0;
                    closeness = closeness.square();
                    forces(point, 0) = (dx * closeness).sum();
                    forces(point, 1) = (dy * closeness).sum();
                }
                return total;
            },
            [](double& total, double&& part) { total += part; });
    }

private:
    Threads threads_;
};

/// Where one coordinate lies on the grid: the first of the nodes around it, and their weights.
struct Spot {
    Size first;
    std::array<float, support> weights;
};

/// A square grid of nodes over a layout, with one node to spare on every side.
struct Grid {
    double origin_x = 0;
    double origin_y = 0;
    double spacing = widest_spacing;
    Size side = 0;

    Spot spot(float coordinate, double origin) const {
        const double position = (static_cast<double>(coordinate) - origin) / spacing;
        const Size cell = std::clamp(static_cast<Size>(position), Size{1}, side - 3);
        const auto t = static_cast<float>(position - static_cast<double>(cell));
        // Lagrange polynomials of the nodes -1, 0, 1 and 2: cubic, and used only between the two in the middle.
        const float before = t + 1;
        const float after = t - 1;
        const float last = t - 2;
        return {cell - 1,
                {-t * after * last / 6, before * after * last / 2, -before * t * last / 2, before * t * after / 6}};
    }
};

/// Spacings are halves and doubles of one, and sides grow in steps, so that the kernel on the grid seldom changes.
Grid make_grid(DenseView<const float> layout) {
    float low_x = layout(0, 0);
    float high_x = low_x;
    float low_y = layout(0, 1);
    float high_y = low_y;
    for (Size point = 0; point < layout.n_rows(); ++point) {
        require(std::isfinite(layout(point, 0)) && std::isfinite(layout(point, 1)),
                "the layout has left the range of float32: lower learning_rate");
        low_x = std::min(low_x, layout(point, 0));
        high_x = std::max(high_x, layout(point, 0));
        low_y = std::min(low_y, layout(point, 1));
        high_y = std::max(high_y, layout(point, 1));
    }
    const double extent = std::max({static_cast<double>(high_x - low_x), static_cast<double>(high_y - low_y), 1e-6});
    Grid grid;
    while (extent / grid.spacing < static_cast<double>(min_nodes)) grid.spacing /= 2;
    while (extent / grid.spacing > static_cast<double>(max_nodes)) grid.spacing *= 2;
    const auto n_cells = static_cast<Size>(std::ceil(extent / grid.spacing * (1 + 1e-6)));
    constexpr Size step = 24;
    grid.side = (n_cells + 3 + step - 1) / step * step;
    // The spare room lies on both sides.
    const double spare = static_cast<double>(grid.side - 1) * grid.spacing - extent;
    grid.origin_x = static_cast<double>(low_x) - spare / 2;
    grid.origin_y = static_cast<double>(low_y) - spare / 2;
    return grid;
}

/// Complex numbers on a grid: rows of `stride` values, a multiple of 8.
struct ComplexPlane {
    Plane re;
    Plane im;
    Size stride = 0;

    void assign_zero(Size n_rows, Size n_cols) {
        stride = (n_cols + lanes - 1) / lanes * lanes;
        re.setZero(n_rows * stride);
        im.setZero(n_rows * stride);
    }
};

/// Scratch of one thread: eight sequences under transformation.
struct Bundle {
    explicit Bundle(Size length)
        : re(length * lanes), im(length * lanes), work_re(length * lanes), work_im(length * lanes) {}
    Plane re;
    Plane im;
    Plane work_re;
    Plane work_im;

    void forward(const Fft& fft) { fft.transform(re.data(), im.data(), work_re.data(), work_im.data()); }
    void backward(const Fft& fft) { fft.transform(im.data(), re.data(), work_im.data(), work_re.data()); }
};

/// Convolution with 1 / (1 + d^2)^2 and 1 / (1 + d^2) on a grid of side x side nodes, zero-padded to `length`.
class Convolution {
public:
    Convolution(Size side, double spacing, Threads threads)
        : side_(side), spacing_(spacing), threads_(threads), fft_(Fft::good_length(2 * side)) {
        const Size length = fft_.length();
        kernels_.assign_zero(length, length);
        // A node's kernels are real and even, so both fit into one complex transform: their transforms are real too.
        for (Size row = 0; row < length; ++row) {
            const double dy = static_cast<double>(std::min(row, length - row)) * spacing;
            for (Size col = 0; col < length; ++col) {
                const double dx = static_cast<double>(std::min(col, length - col)) * spacing;
                const double closeness = 1.0 / (1.0 + dx * dx + dy * dy);
                kernels_.re[row * kernels_.stride + col] = static_cast<float>(closeness * closeness);
                kernels_.im[row * kernels_.stride + col] = static_cast<float>(closeness);
            }
        }
        transform_rows(kernels_, length, length, false);
        for_columns([&](Bundle& bundle, Size first, Size) {
            load_columns(kernels_, first, length, bundle);
            bundle.forward(fft_);
            store_columns(kernels_, first, length, bundle);
        });
        const auto scale = static_cast<float>(1.0 / (static_cast<double>(length) * static_cast<double>(length)));
        kernels_.re *= scale;
        kernels_.im *= scale;
    }

    bool fits(Size side, double spacing) const { return side == side_ && spacing == spacing_; }
    Size length() const { return fft_.length(); }

    /// Convolves `plane` (side rows, `length` columns, zero from column `side` on) with 1 / (1 + d^2)^2 in place; its
    /// columns from `side` on hold nothing of use then. Returns the inner product of what the plane's real part was
    /// with its convolution with 1 / (1 + d^2), taken from the transform (Parseval) and right if the plane was real.
    double apply(ComplexPlane& plane) {
        transform_rows(plane, side_, side_, false);
        std::vector<double> products(static_cast<std::size_t>(kernels_.stride / lanes));
        for_columns([&](Bundle& bundle, Size first, Size tile) {
            load_columns(plane, first, side_, bundle);
            bundle.forward(fft_);
            double product = 0;
            for (Size row = 0; row < fft_.length(); ++row) {
                auto re = bundle.re.segment<lanes>(row * lanes);
                auto im = bundle.im.segment<lanes>(row * lanes);
                const Size at = row * kernels_.stride + first;
                product += static_cast<double>(((re.square() + im.square()) * kernels_.im.segment<lanes>(at)).sum());
                re *= kernels_.re.segment<lanes>(at);
                im *= kernels_.re.segment<lanes>(at);
            }
            products[static_cast<std::size_t>(tile)] = product;
            bundle.backward(fft_);
            store_columns(plane, first, side_, bundle);
        });
        transform_rows(plane, side_, fft_.length(), true);
        double total = 0;
        for (const double product : products) total += product;
        return total;
    }

private:
    template <class Body>
    void for_columns(Body&& body) {
        parallel_for(kernels_.stride / lanes, Grain{4}, threads_, [&](Range tiles) {
            Bundle bundle(fft_.length());
            for (const Size tile : tiles) body(bundle, tile * lanes, tile);
        });
    }

    /// Columns first to first + 7; rows from `n_rows` on count as zero.
    void load_columns(const ComplexPlane& plane, Size first, Size n_rows, Bundle& bundle) const {
        for (Size row = 0; row < n_rows; ++row) {
            bundle.re.segment<lanes>(row * lanes) = plane.re.segment<lanes>(row * plane.stride + first);
            bundle.im.segment<lanes>(row * lanes) = plane.im.segment<lanes>(row * plane.stride + first);
        }
        bundle.re.tail((fft_.length() - n_rows) * lanes).setZero();
        bundle.im.tail((fft_.length() - n_rows) * lanes).setZero();
    }

    void store_columns(ComplexPlane& plane, Size first, Size n_rows, const Bundle& bundle) const {
        for (Size row = 0; row < n_rows; ++row) {
            plane.re.segment<lanes>(row * plane.stride + first) = bundle.re.segment<lanes>(row * lanes);
            plane.im.segment<lanes>(row * plane.stride + first) = bundle.im.segment<lanes>(row * lanes);
        }
    }

    /// Transforms the first `n_rows` rows, of which columns from `n_cols` on count as zero.
    void transform_rows(ComplexPlane& plane, Size n_rows, Size n_cols, bool inverse) {
        const Size length = fft_.length();
        parallel_for((n_rows + lanes - 1) / lanes, Grain{4}, threads_, [&](Range tiles) {
            Bundle bundle(length);
            for (const Size tile : tiles) {
                const Size first = tile * lanes;
                const Size count = std::min(lanes, n_rows - first);
                bundle.re.setZero();
                bundle.im.setZero();
                for (Size lane = 0; lane < count; ++lane) {
                    const Size at = (first + lane) * plane.stride;
                    for (Size col = 0; col < n_cols; ++col) {
                        bundle.re[col * lanes + lane] = plane.re[at + col];
                        bundle.im[col * lanes + lane] = plane.im[at + col];
                    }
                }
                inverse ? bundle.backward(fft_) : bundle.forward(fft_);
                const Size n_kept = inverse ? side_ : length;
                for (Size lane = 0; lane < count; ++lane) {
                    const Size at = (first + lane) * plane.stride;
                    for (Size col = 0; col < n_kept; ++col) {
                        plane.re[at + col] = bundle.re[col * lanes + lane];
                        plane.im[at + col] = bundle.im[col * lanes + lane];
                    }
                }
            }
        });
    }

    Size side_;
    double spacing_;
    Threads threads_;
    Fft fft_;
    ComplexPlane kernels_;
};

class GridRepulsion final : public Repulsion {
public:
    explicit GridRepulsion(Threads threads) : threads_(threads) {}

    double compute(DenseView<const float> layout, DenseView<float> forces) override {
        const Grid grid = make_grid(layout);
        if (!convolution_ || !convolution_->fits(grid.side, grid.spacing)) {
            convolution_.emplace(grid.side, grid.spacing, threads_);
        }
        sort_by_row(layout, grid);
        spread(layout, grid);
        const double total = convolution_->apply(charge_);
        convolution_->apply(moment_);
        collect(layout, grid, forces);
        return total - static_cast<double>(layout.n_rows());
    }

private:
    /// Points by row of cells, rising within a row.
    void sort_by_row(DenseView<const float> layout, const Grid& grid) {
        row_begin_.assign(static_cast<std::size_t>(grid.side) + 1, 0);
        row_of_.resize(static_cast<std::size_t>(layout.n_rows()));
        for (Size point = 0; point < layout.n_rows(); ++point) {
            const auto row = static_cast<std::uint32_t>(grid.spot(layout(point, 1), grid.origin_y).first);
            row_of_[static_cast<std::size_t>(point)] = row;
            ++row_begin_[row + 1];
        }
        for (std::size_t row = 0; row + 1 < row_begin_.size(); ++row) row_begin_[row + 1] += row_begin_[row];
        std::vector<Size> next(row_begin_.begin(), row_begin_.end() - 1);
        by_row_.resize(row_of_.size());
        for (std::size_t point = 0; point < row_of_.size(); ++point) {
            by_row_[static_cast<std::size_t>(next[row_of_[point]]++)] = static_cast<std::uint32_t>(point);
        }
    }

    /// Calls `visit(node offset, weight)` for the nodes around a point.
    template <class Visit>
    void around(const Grid& grid, float x, float y, Visit&& visit) const {
        const Spot column = grid.spot(x, grid.origin_x);
        const Spot row = grid.spot(y, grid.origin_y);
        for (Size r = 0; r < support; ++r) {
            const Size at = (row.first + r) * charge_.stride + column.first;
            for (Size c = 0; c < support; ++c) {
                visit(at + c, row.weights[static_cast<std::size_t>(r)] * column.weights[static_cast<std::size_t>(c)]);
            }
        }
    }

    /// Charges 1 (charge_) and x + i y (moment_), the coordinates from the middle of the grid.
    void spread(DenseView<const float> layout, const Grid& grid) {
        charge_.assign_zero(grid.side, convolution_->length());
        moment_.assign_zero(grid.side, convolution_->length());
        const double half = 0.5 * grid.spacing * static_cast<double>(grid.side - 1);
        middle_x_ = static_cast<float>(grid.origin_x + half);
        middle_y_ = static_cast<float>(grid.origin_y + half);
        const Size n_tiles = (grid.side + tile_rows - 1) / tile_rows;
        for (const Size parity : {0, 1}) {
            parallel_for((n_tiles + 1 - parity) / 2, Grain{1}, threads_, [&](Range tiles) {
                for (const Size tile : tiles) spread_tile(layout, grid, (2 * tile + parity) * tile_rows);
            });
        }
    }

    void spread_tile(DenseView<const float> layout, const Grid& grid, Size first_row) {
        const auto end_row = std::min(first_row + tile_rows, grid.side);
        const Size end = row_begin_[static_cast<std::size_t>(end_row)];
        for (Size k = row_begin_[static_cast<std::size_t>(first_row)]; k < end; ++k) {
            const auto point = static_cast<Size>(by_row_[static_cast<std::size_t>(k)]);
            const float x = layout(point, 0);
            const float y = layout(point, 1);
            around(grid, x, y, [&](Size at, float weight) {
                charge_.re[at] += weight;
                moment_.re[at] += weight * (x - middle_x_);
                moment_.im[at] += weight * (y - middle_y_);
            });
        }
    }

    void collect(DenseView<const float> layout, const Grid& grid, DenseView<float> forces) const {
        parallel_for(layout.n_rows(), Grain{2048}, threads_, [&](Range points) {
            for (const Size point : points) {
                const float x = layout(point, 0);
                const float y = layout(point, 1);
                float ones = 0;
                float xs = 0;
                float ys = 0;
                around(grid, x, y, [&](Size at, float weight) {
                    ones += weight * charge_.re[at];
                    xs += weight * moment_.re[at];
                    ys += weight * moment_.im[at];
                });
                forces(point, 0) = (x - middle_x_) * ones - xs;
                forces(point, 1) = (y - middle_y_) * ones - ys;
            }
        });
    }

    Threads threads_;
    std::optional<Convolution> convolution_;
    std::vector<std::uint32_t> row_of_;
    std::vector<std::uint32_t> by_row_;
    std::vector<Size> row_begin_;
    ComplexPlane charge_;
    ComplexPlane moment_;
    float middle_x_ = 0;
    float middle_y_ = 0;
};

}  // namespace

std::unique_ptr<Repulsion> make_exact_repulsion(Threads threads) {
    return std::make_unique<ExactRepulsion>(threads);
}

std::unique_ptr<Repulsion> make_grid_repulsion(Threads threads) {
    return std::make_unique<GridRepulsion>(threads);
}

}  // namespace cellweave
