#include "embed/spectral.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <span>
#include <utility>
#include <vector>

#include "core/monitor.hpp"
#include "core/random.hpp"
#include "embed/neighbor_graph.hpp"
#include "linalg/symmetric_eigen.hpp"

namespace cellweave {

namespace {

using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

constexpr Grain rows_per_chunk{1024};
constexpr Size panel = 8;
constexpr Size dense_limit = 256;

/// S = D^-1/2 A D^-1/2 of one component, and sqrt(D) scaled to length 1: its eigenvector of eigenvalue 1.
struct Operator {
    Graph<float> matrix;
    std::vector<double> trivial;
};

Operator make_operator(GraphView<float> graph, std::span<const Vertex> members, std::span<Vertex> number,
                       Threads threads) {
    const auto n = members.size();
    for (std::size_t k = 0; k < n; ++k) number[static_cast<std::size_t>(members[k])] = static_cast<Vertex>(k);
    const auto each_edge = [&](Size row, auto&& take) {
        graph.for_each_edge(members[static_cast<std::size_t>(row)], [&](Vertex neighbor, float weight) {
            take(number[static_cast<std::size_t>(neighbor)], weight);
        });
    };
    Graph<float> matrix = build_graph<float>(static_cast<Size>(n), each_edge, threads);

    std::vector<double> root_degree(n);
    parallel_for(static_cast<Size>(n), rows_per_chunk, threads, [&](Range rows) {
        for (const Size row : rows) {
            double degree = 0;
            matrix.view().for_each_edge(row, [&](Vertex, float weight) { degree += static_cast<double>(weight); });
            root_degree[static_cast<std::size_t>(row)] = std::sqrt(degree);
        }
    });
    parallel_for(static_cast<Size>(n), rows_per_chunk, threads, [&](Range rows) {
        for (const Size row : rows) {
            const auto k = static_cast<std::size_t>(row);
            for (auto edge = static_cast<std::size_t>(matrix.offsets[k]);
                 edge < static_cast<std::size_t>(matrix.offsets[k + 1]); ++edge) {
                const double other = root_degree[static_cast<std::size_t>(matrix.neighbors[edge])];
                const double scaled = static_cast<double>(matrix.weights[edge]) / (root_degree[k] * other);
                matrix.weights[edge] = static_cast<float>(scaled);
            }
        }
    });
    double squared_length = 0;
    for (const double root : root_degree) squared_length += root * root;
    for (double& root : root_degree) root /= std::sqrt(squared_length);
    return {std::move(matrix), std::move(root_degree)};
}

/// Eigenvectors of a small component, exactly.
void solve_dense(const Operator& op, DenseView<float> vectors) {
    const GraphView<float> matrix = op.matrix.view();
    const Size n = matrix.n_vertices();
    Matrix dense = Matrix::Zero(n, n);
    for (Size row = 0; row < n; ++row) {
        matrix.for_each_edge(row, [&](Vertex col, float value) { dense(row, col) = static_cast<double>(value); });
    }
    dense = 0.5 * (dense + dense.transpose().eval());
    const SymmetricEigen found = symmetric_eigen(dense);
    for (Size d = 0; d < vectors.n_cols(); ++d) {
        for (Size row = 0; row < n; ++row) vectors(row, d) = static_cast<float>(found.vectors(row, n - 2 - d));
    }
}

/// The dominant eigenvectors of S apart from the trivial one, by a block of vectors (rows: cells).
class SubspaceIteration {
public:
    SubspaceIteration(const Operator& op, Size n_wanted, const SpectralOptions& options, Threads threads)
        : matrix_(op.matrix.view()),
          trivial_(op.trivial),
          options_(options),
          threads_(threads),
          n_(matrix_.n_vertices()),
          n_wanted_(n_wanted),
          block_((n_wanted + 4 + panel - 1) / panel * panel),
          vectors_(static_cast<std::size_t>(n_ * block_)),
          image_(vectors_.size()),
          scratch_(vectors_.size()) {
        for (Size column = 0; column < block_; ++column) fill_randomly(column);
    }

    void run() {
        Progress progress("spectral layout", options_.max_products);
        remove_trivial();
        double damped_below = rayleigh_ritz();
        for (Size done = 1; done < options_.max_products && !is_converged();) {
            const Size degree = std::min<Size>(filter_degree(damped_below), options_.max_products - done);
            filter(damped_below, degree);
            remove_trivial();
            damped_below = rayleigh_ritz();
            done += degree + 1;
            progress.advance(degree + 1);
        }
    }

    void write(DenseView<float> vectors) const {
        for (Size row = 0; row < n_; ++row) {
            for (Size d = 0; d < n_wanted_; ++d) vectors(row, d) = vectors_[at(row, d)];
        }
    }

private:
    std::size_t at(Size row, Size column) const { return static_cast<std::size_t>(row * block_ + column); }

    void fill_randomly(Size column) {
        const Random random(options_.seed, 1000 + n_refills_++);
        for (Size row = 0; row < n_; ++row) {
            vectors_[at(row, column)] = static_cast<float>(random.uniform(static_cast<std::uint64_t>(row)) - 0.5);
        }
    }

    /// out = scale (S in - shift in) - previous; out may be previous.
    void product(const std::vector<float>& in, float scale, float shift, const std::vector<float>* previous,
                 std::vector<float>& out) const {
        parallel_for(n_, rows_per_chunk, threads_, [&](Range rows) {
            for (const Size row : rows) {
                for (Size first = 0; first < block_; first += panel) {
                    std::array<float, panel> sum{};
                    matrix_.for_each_edge(row, [&](Vertex col, float weight) {
                        const float* const other = in.data() + at(col, first);
                        for (std::size_t c = 0; c < panel; ++c) sum[c] += weight * other[c];
                    });
                    const std::size_t own = at(row, first);
                    for (std::size_t c = 0; c < panel; ++c) {
                        const float before = previous != nullptr ? (*previous)[own + c] : 0.0F;
                        out[own + c] = scale * (sum[c] - shift * in[own + c]) - before;
                    }
                }
            }
        });
    }

    /// As high a degree as amplifies the wanted end by 10^6 over the damped one; more would drown the rest in rounding.
    static Size filter_degree(double damped_below) {
        const double centre = 0.5 * (damped_below - 1.0);
        const double half_width = 0.5 * (damped_below + 1.0);
        const double growth = std::acosh(std::max(1.0 + 1e-9, (1.0 - centre) / half_width));
        return std::clamp<Size>(static_cast<Size>(std::log(2e6) / growth), 4, 60);
    }

    /// Chebyshev polynomial of S that stays within [-1, 1] on eigenvalues of [-1, damped_below] and grows above.
    void filter(double damped_below, Size degree) {
        const auto centre = static_cast<float>(0.5 * (damped_below - 1.0));
        const auto inverse = static_cast<float>(2.0 / (damped_below + 1.0));
        product(vectors_, inverse, centre, nullptr, scratch_);
        for (Size k = 1; k < degree; ++k) {
            product(scratch_, 2.0F * inverse, centre, &vectors_, vectors_);
            vectors_.swap(scratch_);
        }
        vectors_.swap(scratch_);
    }

    /// Sums partial(Range) -> Matrix over all rows, in chunk order.
    template <class Partial>
    Matrix sum_over_rows(Partial&& partial) const {
        return parallel_reduce(n_, Grain{std::max<Size>(rows_per_chunk.size, (n_ + 63) / 64)}, threads_, partial,
                               [](Matrix& total, Matrix&& part) { total += part; });
    }

    void remove_trivial() {
        const Matrix along = sum_over_rows([&](Range rows) {
            Matrix part = Matrix::Zero(1, block_);
            for (const Size row : rows) {
                const double weight = trivial_[static_cast<std::size_t>(row)];
                for (Size c = 0; c < block_; ++c) part(0, c) += weight * static_cast<double>(vectors_[at(row, c)]);
            }
            return part;
        });
        parallel_for(n_, rows_per_chunk, threads_, [&](Range rows) {
            for (const Size row : rows) {
                const double weight = trivial_[static_cast<std::size_t>(row)];
                for (Size c = 0; c < block_; ++c) vectors_[at(row, c)] -= static_cast<float>(weight * along(0, c));
            }
        });
    }

    /// one^T other, in double.
    Matrix inner_products(const std::vector<float>& one, const std::vector<float>& other) const {
        using Block = Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;
        return sum_over_rows([&](Range rows) {
            Matrix part = Matrix::Zero(block_, block_);
            for (Size begin = rows.begin_item; begin < rows.end_item; begin += rows_per_chunk.size) {
                const Size count = std::min(rows_per_chunk.size, rows.end_item - begin);
                const Block left(one.data() + at(begin, 0), count, block_);
                const Block right(other.data() + at(begin, 0), count, block_);
                part.noalias() += left.cast<double>().transpose() * right.cast<double>();
            }
            return part;
        });
    }

    /// values = values * rotation, row by row.
    void rotate(std::vector<float>& values, const Eigen::MatrixXf& rotation) const {
        using Block = Eigen::Map<Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;
        parallel_for(n_, rows_per_chunk, threads_, [&](Range rows) {
            Block part(values.data() + at(rows.begin_item, 0), rows.size(), block_);
            part = (part * rotation).eval();
        });
    }

    /// Replaces the block by its Ritz vectors, best first, and notes their residuals. Returns the smallest Ritz value:
    /// the next filter damps everything below it.
    double rayleigh_ritz() {
        orthonormalize();
        product(vectors_, 1.0F, 0.0F, nullptr, image_);
        const Matrix projected = inner_products(vectors_, image_);
        const SymmetricEigen found = symmetric_eigen(0.5 * (projected + projected.transpose()));
        const Matrix order = found.vectors.rowwise().reverse();
        const Vector values = found.values.reverse();
        rotate(vectors_, order.cast<float>());
        rotate(image_, order.cast<float>());
        residuals_ = sum_over_rows([&](Range rows) {
                         Matrix part = Matrix::Zero(1, block_);
                         for (const Size row : rows) {
                             for (Size c = 0; c < block_; ++c) {
                                 const double rest = static_cast<double>(image_[at(row, c)]) -
                                                     values(c) * static_cast<double>(vectors_[at(row, c)]);
                                 part(0, c) += rest * rest;
                             }
                         }
                         return part;
                     }).cwiseSqrt();
        return std::clamp(values(block_ - 1), -0.9, 1.0 - 1e-7);
    }

    void orthonormalize() {
        for (int attempt = 0; attempt < 3; ++attempt) {
            const Matrix gram = inner_products(vectors_, vectors_);
            Vector scale = gram.diagonal().cwiseMax(1e-300).cwiseSqrt().cwiseInverse();
            const Matrix correlation = scale.asDiagonal() * gram * scale.asDiagonal();
            const SymmetricEigen found = symmetric_eigen(correlation);
            const double smallest = found.values(0);
            const Vector whiten = found.values.cwiseMax(1e-10).cwiseSqrt().cwiseInverse();
            rotate(vectors_, (scale.asDiagonal() * found.vectors * whiten.asDiagonal()).cast<float>());
            if (smallest > 1e-3) return;
            // Nearly dependent vectors: what rounding left of them is replaced by something new.
            for (Size c = 0; c < block_ && found.values(c) < 1e-9; ++c) {
                fill_randomly(c);
                remove_trivial();
            }
        }
    }

    bool is_converged() const {
        for (Size c = 0; c < n_wanted_; ++c) {
            if (residuals_(0, c) > options_.tolerance) return false;
        }
        return true;
    }

    const GraphView<float> matrix_;
    const std::span<const double> trivial_;
    const SpectralOptions& options_;
    Threads threads_;
    Size n_;
    Size n_wanted_;
    Size block_;
    std::vector<float> vectors_;
    std::vector<float> image_;
    std::vector<float> scratch_;
    Matrix residuals_;
    std::uint64_t n_refills_ = 0;
};

/// Scales `layout` so that its largest coordinate is `radius`, around `centre`.
void place(DenseView<float> layout, double radius, const std::vector<double>& centre) {
    float largest = 0;
    for (Size row = 0; row < layout.n_rows(); ++row) {
        for (const float value : layout.row(row)) largest = std::max(largest, std::abs(value));
    }
    const double scale = largest > 0 ? radius / static_cast<double>(largest) : 0.0;
    for (Size row = 0; row < layout.n_rows(); ++row) {
        for (Size d = 0; d < layout.n_cols(); ++d) {
            const double value = static_cast<double>(layout(row, d)) * scale + centre[static_cast<std::size_t>(d)];
            layout(row, d) = static_cast<float>(value);
        }
    }
}

/// A direction for component number `k`: left and right, a sunflower's spiral, or random on the sphere.
std::vector<double> direction(Size k, Size n_dims, std::uint64_t seed) {
    std::vector<double> result(static_cast<std::size_t>(n_dims));
    if (n_dims == 1) {
        result[0] = k % 2 == 0 ? 1.0 : -1.0;
    } else if (n_dims == 2) {
        const double angle = static_cast<double>(k) * std::numbers::pi * (3.0 - std::sqrt(5.0));
        result = {std::cos(angle), std::sin(angle)};
    } else {
        const Random random(seed, 1);
        double squared = 0;
        for (Size d = 0; d < n_dims; ++d) {
            const double value = random.normal(static_cast<std::uint64_t>(k * n_dims + d));
            result[static_cast<std::size_t>(d)] = value;
            squared += value * value;
        }
        for (double& value : result) value /= std::sqrt(std::max(squared, 1e-300));
    }
    return result;
}

/// The layout of one component, not yet scaled.
void lay_out_component(GraphView<float> graph, std::span<const Vertex> members, std::span<Vertex> number,
                       const SpectralOptions& options, DenseView<float> layout, Threads threads) {
    const Size n = layout.n_rows();
    const Size n_dims = layout.n_cols();
    if (n < 2 * n_dims || n <= n_dims + 1) {
        for (Size row = 0; row < n; ++row) {
            const Random random(options.seed, 2 + static_cast<std::uint64_t>(members[static_cast<std::size_t>(row)]));
            for (Size d = 0; d < n_dims; ++d) {
                layout(row, d) = static_cast<float>(2.0 * random.uniform(static_cast<std::uint64_t>(d)) - 1.0);
            }
        }
        return;
    }
    const Operator op = make_operator(graph, members, number, threads);
    if (n <= std::max(dense_limit, 4 * (n_dims + 2 * panel))) return solve_dense(op, layout);
    SubspaceIteration iteration(op, n_dims, options, threads);
    iteration.run();
    iteration.write(layout);
}

}  // namespace

void spectral_layout(GraphView<float> graph, const SpectralOptions& options, DenseView<float> layout, Threads threads) {
    const Components components = connected_components(graph);
    const Size n_dims = layout.n_cols();
    std::vector<Vertex> number(static_cast<std::size_t>(graph.n_vertices()));
    std::vector<float> scratch;
    Size n_before = 0;
    for (Size component = 0; component < components.count(); ++component) {
        const Size n = components.size(component);
        const std::span members(components.members.data() + n_before, static_cast<std::size_t>(n));
        scratch.assign(static_cast<std::size_t>(n * n_dims), 0.0F);
        const DenseView<float> own(scratch.data(), n, n_dims);
        if (n > 1) lay_out_component(graph, members, number, options, own, threads);

        const auto extent = [&](Size n_cells) {
            return std::pow(static_cast<double>(n_cells), 1.0 / static_cast<double>(n_dims));
        };
        std::vector<double> centre = direction(component, n_dims, options.seed);
        const double distance = component == 0 ? 0.0 : 1.3 * extent(n_before) + extent(n);
        for (double& value : centre) value *= distance;
        place(own, extent(n), centre);
        for (Size k = 0; k < n; ++k) {
            const auto row = own.row(k);
            std::copy(row.begin(), row.end(), layout.row_data(members[static_cast<std::size_t>(k)]));
        }
        n_before += n;
    }
}

}  // namespace cellweave
