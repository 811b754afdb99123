#include "embed/repulsion.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <optional>
#include <utility>
#include <vector>

#include "core/error.hpp"
#include "embed/fft.hpp"

namespace cellweave {

namespace {

constexpr Size lanes = Fft::lanes;
/// Nodes along one axis that a point's charge goes to, and that its force comes from.
constexpr Size support = 4;
/// Between nodes, in units of the layout, where the grid need be no finer: the kernels' width is 1.
constexpr double widest_spacing = 0.45;
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
        const float u = 1 - t;
        // The cubic B-spline at the nodes -1, 0, 1 and 2.
        return {cell - 1, {u * u * u / 6, (4 + 3 * t * t * (t - 2)) / 6, (4 + 3 * u * u * (u - 2)) / 6, t * t * t / 6}};
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

/// Convolution with (dx + i dy) / (1 + d^2)^2 on a grid of side x side nodes, zero-padded to `length`.
///
/// Charges are spread, and forces collected, by cubic B-splines; both are undone in the transform of the kernel, which
/// is divided by that of the spline twice (Essmann et al. 1995, smooth particle mesh Ewald).
class Convolution {
public:
    Convolution(Size side, double spacing, Threads threads)
        : side_(side), spacing_(spacing), threads_(threads), fft_(Fft::good_length(2 * side + margin)) {
        const Size length = fft_.length();
        ComplexPlane closeness;
        closeness.assign_zero(length, length);
        force_.assign_zero(length, length);
        const auto offset = [&](Size k) { return static_cast<double>(2 * k < length ? k : k - length) * spacing; };
        for (Size row = 0; row < length; ++row) {
            const double dy = offset(row);
            for (Size col = 0; col < length; ++col) {
                const double dx = offset(col);
                const double near = 1.0 / (1.0 + dx * dx + dy * dy);
                const Size at = row * force_.stride + col;
                closeness.re[at] = static_cast<float>(near);
                force_.re[at] = static_cast<float>(dx * near * near);
                force_.im[at] = static_cast<float>(dy * near * near);
            }
        }
        transform(closeness);
        transform(force_);
        closeness_ = std::move(closeness.re);  // of a real and even function, so it is real
        const Plane factors = axis_factors();
        for (Size row = 0; row < length; ++row) {
            const Size at = row * force_.stride;
            closeness_.segment(at, length) *= factors[row] * factors;
            force_.re.segment(at, length) *= factors[row] * factors;
            force_.im.segment(at, length) *= factors[row] * factors;
        }
    }

    bool fits(Size side, double spacing) const { return side == side_ && spacing == spacing_; }
    Size length() const { return fft_.length(); }

    /// Convolves a real `plane` (side rows, `length` columns, zero from column `side` on) in place; its columns from
    /// `side` on hold nothing of use then. Returns the inner product of what the plane was with its convolution with
    /// 1 / (1 + d^2), taken from the transform (Parseval).
    double apply(ComplexPlane& plane) {
        transform_rows(plane, side_, side_, false);
        std::vector<double> products(static_cast<std::size_t>(force_.stride / lanes));
        for_columns([&](Bundle& bundle, Size first, Size tile) {
            load_columns(plane, first, side_, bundle);
            bundle.forward(fft_);
            double product = 0;
            for (Size row = 0; row < fft_.length(); ++row) {
                auto re = bundle.re.segment<lanes>(row * lanes);
                auto im = bundle.im.segment<lanes>(row * lanes);
                const Size at = row * force_.stride + first;
                const auto force_re = force_.re.segment<lanes>(at);
                const auto force_im = force_.im.segment<lanes>(at);
                product += static_cast<double>(((re.square() + im.square()) * closeness_.segment<lanes>(at)).sum());
                const Eigen::Array<float, lanes, 1> turned = re * force_im + im * force_re;
                re = re * force_re - im * force_im;
                im = turned;
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
    /// Nodes between the kernel's end and its beginning again: undoing the splines smears the break between them.
    static constexpr Size margin = 16;

    /// By which each frequency of one axis is to be multiplied after spreading, collecting and two unscaled transforms.
    Plane axis_factors() const {
        Plane factors(length());
        for (Size k = 0; k < length(); ++k) {
            const double angle =
                std::numbers::pi * static_cast<double>(std::min(k, length() - k)) / static_cast<double>(length());
            const double spline = angle > 0 ? std::pow(std::sin(angle) / angle, 4) : 1.0;
            factors[k] = static_cast<float>(1.0 / (spline * spline * static_cast<double>(length())));
        }
        return factors;
    }

    /// The transform of a plane of length x length.
    void transform(ComplexPlane& plane) {
        transform_rows(plane, length(), length(), false);
        for_columns([&](Bundle& bundle, Size first, Size) {
            load_columns(plane, first, length(), bundle);
            bundle.forward(fft_);
            store_columns(plane, first, length(), bundle);
        });
    }

    template <class Body>
    void for_columns(Body&& body) {
        parallel_for(force_.stride / lanes, Grain{4}, threads_, [&](Range tiles) {
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
    ComplexPlane force_;  // transforms, scaled for the way back
    Plane closeness_;
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
        const double total = convolution_->apply(plane_);
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
            const Size at = (row.first + r) * plane_.stride + column.first;
            for (Size c = 0; c < support; ++c) {
                visit(at + c, row.weights[static_cast<std::size_t>(r)] * column.weights[static_cast<std::size_t>(c)]);
            }
        }
    }

    void spread(DenseView<const float> layout, const Grid& grid) {
        plane_.assign_zero(grid.side, convolution_->length());
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
            around(grid, layout(point, 0), layout(point, 1), [&](Size at, float weight) { plane_.re[at] += weight; });
        }
    }

    void collect(DenseView<const float> layout, const Grid& grid, DenseView<float> forces) const {
        parallel_for(layout.n_rows(), Grain{2048}, threads_, [&](Range points) {
            for (const Size point : points) {
                float x = 0;
                float y = 0;
                around(grid, layout(point, 0), layout(point, 1), [&](Size at, float weight) {
                    x += weight * plane_.re[at];
                    y += weight * plane_.im[at];
                });
                forces(point, 0) = x;
                forces(point, 1) = y;
            }
        });
    }

    Threads threads_;
    std::optional<Convolution> convolution_;
    std::vector<std::uint32_t> row_of_;
    std::vector<std::uint32_t> by_row_;
    std::vector<Size> row_begin_;
    ComplexPlane plane_;  // charges, and then the forces between them
};

}  // namespace

std::unique_ptr<Repulsion> make_exact_repulsion(Threads threads) {
    return std::make_unique<ExactRepulsion>(threads);
}

std::unique_ptr<Repulsion> make_grid_repulsion(Threads threads) {
    return std::make_unique<GridRepulsion>(threads);
}

}  // namespace cellweave
