#include "integrate/expression.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <utility>

#include "core/monitor.hpp"

namespace cellweave {

namespace {

constexpr Size genes_a_block = 256;
constexpr Size cells_a_tile = 128;
constexpr Size most_cells_a_block = 1024;
constexpr Size bytes_of_weights = Size{64} << 20;
constexpr double log_of_smallest = -745.13;
constexpr double float_logit_bound = 60.0;

template <Real T>
using RowMatrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

template <Real T, Index I>
class SparseReader final : public ExpressionReader {
public:
    explicit SparseReader(CsrView<const T, I> profiles) : profiles_(profiles) {}
    Size n_cells() const override { return profiles_.n_rows(); }
    Size n_genes() const override { return profiles_.n_cols(); }
    void read(Size cell, Size begin, Size end, float* values) const override { fill(cell, begin, end, values); }
    void read(Size cell, Size begin, Size end, double* values) const override { fill(cell, begin, end, values); }
    double squared_length(Size cell) const override {
        double sum = 0.0;
        for (const T value : profiles_.row(cell).values) sum += static_cast<double>(value) * static_cast<double>(value);
        return sum;
    }

private:
    template <Real Out>
    void fill(Size cell, Size begin, Size end, Out* values) const {
        const auto row = profiles_.row(cell);
        std::fill_n(values, end - begin, Out(0));
        const auto from = std::ranges::lower_bound(row.indices, static_cast<I>(begin));
        for (auto k = static_cast<std::size_t>(from - row.indices.begin()); k < row.indices.size(); ++k) {
            if (row.indices[k] >= end) break;
            values[row.indices[k] - begin] += static_cast<Out>(row.values[k]);
        }
    }

    CsrView<const T, I> profiles_;
};

class DenseReader final : public ExpressionReader {
public:
    explicit DenseReader(DenseView<const double> profiles) : profiles_(profiles) {}
    Size n_cells() const override { return profiles_.n_rows(); }
    Size n_genes() const override { return profiles_.n_cols(); }
    void read(Size cell, Size begin, Size end, float* values) const override { fill(cell, begin, end, values); }
    void read(Size cell, Size begin, Size end, double* values) const override { fill(cell, begin, end, values); }
    double squared_length(Size cell) const override {
        double sum = 0.0;
        for (const double value : profiles_.row(cell)) sum += value * value;
        return sum;
    }

private:
    template <Real Out>
    void fill(Size cell, Size begin, Size end, Out* values) const {
        const double* const row = profiles_.row_data(cell);
        for (Size gene = begin; gene < end; ++gene) values[gene - begin] = static_cast<Out>(row[gene]);
    }

    DenseView<const double> profiles_;
};

/// Matched cells, each once, and the references of each.
struct Pulls {
    std::vector<std::int64_t> cells;
    std::vector<Size> starts;
    std::vector<std::int64_t> references;

    explicit Pulls(const MatchedRows& matches) {
        std::vector<std::pair<std::int64_t, std::int64_t>> pairs;
        for (std::size_t k = 0; k < matches.cells.size(); ++k)
            pairs.emplace_back(matches.cells[k], matches.references[k]);
        std::ranges::sort(pairs);
        for (const auto& [cell, reference] : pairs) {
            if (cells.empty() || cells.back() != cell) {
                cells.push_back(cell);
                starts.push_back(static_cast<Size>(references.size()));
            }
            references.push_back(reference);
        }
        starts.push_back(static_cast<Size>(references.size()));
    }
    Size n() const { return static_cast<Size>(cells.size()); }
    Size count(Size center) const {
        return starts[static_cast<std::size_t>(center) + 1] - starts[static_cast<std::size_t>(center)];
    }
};

template <Real T>
class ExpressionMove {
public:
    ExpressionMove(const ExpressionSets& profiles, Range moved, const Pulls& pulls,
                   const ExpressionMoveOptions& options, DenseView<double> result, Threads threads)
        : profiles_(profiles),
          moved_(moved),
          pulls_(pulls),
          options_(options),
          result_(result),
          threads_(threads),
          block_(pulls.n(), genes_a_block),
          half_squares_(pulls.n()),
          counts_(pulls.n()) {
        for (Size c = 0; c < pulls.n(); ++c) {
            const double square = profiles.squared_length(pulls.cells[static_cast<std::size_t>(c)]);
            half_squares_(c) = static_cast<T>(0.5 * options.sigma * square);
            counts_(c) = static_cast<T>(pulls.count(c));
        }
    }

    void run() {
        const Size fit = bytes_of_weights / (pulls_.n() * static_cast<Size>(sizeof(T)));
        const Size n_block = std::clamp<Size>(fit / cells_a_tile * cells_a_tile, cells_a_tile, most_cells_a_block);
        Progress stage("Correcting expression", moved_.size());
        for (Size begin = moved_.begin_item; begin < moved_.end_item; begin += n_block) {
            const Range cells{begin, std::min(begin + n_block, moved_.end_item)};
            compute_weights(cells);
            write(cells);
            stage.advance(cells.size());
        }
    }

private:
    template <class Body>
    void for_gene_blocks(Body&& body) {
        for (Size begin = 0; begin < profiles_.n_genes(); begin += genes_a_block)
            body(begin, std::min(begin + genes_a_block, profiles_.n_genes()));
    }

    RowMatrix<T> read_tile(Range cells, Size begin, Size end) const {
        RowMatrix<T> tile(cells.size(), end - begin);
        for (Size row = 0; row < cells.size(); ++row)
            profiles_.read(cells.begin_item + row, begin, end, tile.data() + row * tile.cols());
        return tile;
    }

    /// Weights up to a factor per cell, and the factor that makes their sum one.
    void compute_weights(Range cells) {
        weights_.resize(cells.size(), pulls_.n());
        factors_.resize(cells.size());
        weights_.setZero();
        for_gene_blocks([&](Size begin, Size end) {
            parallel_for(pulls_.n(), Grain{256}, threads_, [&](Range centers) {
                for (const Size c : centers)
                    profiles_.read(pulls_.cells[static_cast<std::size_t>(c)], begin, end,
                                   block_.data() + c * genes_a_block);
            });
            parallel_for(cells.size(), Grain{cells_a_tile}, threads_, [&](Range rows) {
                const RowMatrix<T> tile =
                    read_tile({cells.begin_item + rows.begin_item, cells.begin_item + rows.end_item}, begin, end);
                weights_.middleRows(rows.begin_item, rows.size()).noalias() +=
                    static_cast<T>(options_.sigma) * tile * block_.leftCols(end - begin).transpose();
            });
        });
        parallel_for(cells.size(), Grain{16}, threads_, [&](Range rows) {
            for (const Size row : rows) {
                auto logits = weights_.row(row);
                logits -= half_squares_;
                const T largest = logits.maxCoeff();
                logits.array() = (logits.array() - largest).exp();
                const double square = profiles_.squared_length(cells.begin_item + row);
                const double log_weight = static_cast<double>(largest) - 0.5 * options_.sigma * square;
                const auto total = static_cast<double>(logits.dot(counts_));
                const bool counts =
                    log_weight >= log_of_smallest && total * std::exp(log_weight) >= options_.least_total;
                factors_(row) = counts ? 1.0 / total : 0.0;
            }
        });
    }

    /// Sums of (reference - matched cell) for genes [begin, end), into block_.
    void read_vectors(Size begin, Size end) {
        parallel_for(pulls_.n(), Grain{64}, threads_, [&](Range centers) {
            std::vector<T> profile(static_cast<std::size_t>(end - begin));
            for (const Size center : centers) {
                const auto c = static_cast<std::size_t>(center);
                T* const sum = block_.data() + center * genes_a_block;
                profiles_.read(pulls_.cells[c], begin, end, sum);
                const T n_pulls = static_cast<T>(pulls_.count(center));
                for (Size gene = 0; gene < end - begin; ++gene) sum[gene] *= -n_pulls;
                for (Size k = pulls_.starts[c]; k < pulls_.starts[c + 1]; ++k) {
                    profiles_.read(pulls_.references[static_cast<std::size_t>(k)], begin, end, profile.data());
                    for (Size gene = 0; gene < end - begin; ++gene)
                        sum[gene] += profile[static_cast<std::size_t>(gene)];
                }
            }
        });
    }

    void write(Range cells) {
        for_gene_blocks([&](Size begin, Size end) {
            read_vectors(begin, end);
            parallel_for(cells.size(), Grain{cells_a_tile}, threads_, [&](Range rows) {
                const RowMatrix<T> sums =
                    weights_.middleRows(rows.begin_item, rows.size()) * block_.leftCols(end - begin);
                std::vector<double> profile(static_cast<std::size_t>(end - begin), 0.0);
                for (Size row = 0; row < rows.size(); ++row) {
                    const Size cell = cells.begin_item + rows.begin_item + row;
                    if (!options_.shifts_only) profiles_.read(cell, begin, end, profile.data());
                    double* const out = result_.row_data(cell - moved_.begin_item) + begin;
                    const double factor = factors_(rows.begin_item + row);
                    for (Size gene = 0; gene < end - begin; ++gene)
                        out[gene] =
                            profile[static_cast<std::size_t>(gene)] + factor * static_cast<double>(sums(row, gene));
                }
            });
        });
    }

    const ExpressionSets& profiles_;
    const Range moved_;
    const Pulls& pulls_;
    const ExpressionMoveOptions options_;
    const DenseView<double> result_;
    const Threads threads_;
    RowMatrix<T> block_;  // matched cells x genes of a block: their profiles, then their vectors
    Eigen::Matrix<T, 1, Eigen::Dynamic> half_squares_;
    Eigen::Matrix<T, 1, Eigen::Dynamic> counts_;
    RowMatrix<T> weights_;  // cells of a block x matched cells
    Eigen::VectorXd factors_;
};

bool logits_are_small(const ExpressionSets& profiles, Range moved, double sigma, Threads threads) {
    const double largest = parallel_reduce(
        moved.size(), Grain{1024}, threads,
        [&](Range rows) {
            double partial = 0.0;
            for (const Size row : rows) partial = std::max(partial, profiles.squared_length(moved.begin_item + row));
            return partial;
        },
        [](double& into, double&& next) { into = std::max(into, next); });
    return 1.5 * sigma * largest <= float_logit_bound;
}

}  // namespace

template <Real T, Index I>
std::unique_ptr<ExpressionReader> expression_reader(CsrView<const T, I> profiles) {
    return std::make_unique<SparseReader<T, I>>(profiles);
}

std::unique_ptr<ExpressionReader> expression_reader(DenseView<const double> profiles) {
    return std::make_unique<DenseReader>(profiles);
}

template std::unique_ptr<ExpressionReader> expression_reader(CsrView<const float, std::int32_t>);
template std::unique_ptr<ExpressionReader> expression_reader(CsrView<const float, std::int64_t>);
template std::unique_ptr<ExpressionReader> expression_reader(CsrView<const double, std::int32_t>);
template std::unique_ptr<ExpressionReader> expression_reader(CsrView<const double, std::int64_t>);

ExpressionSets::ExpressionSets(std::vector<const ExpressionReader*> sets) : sets_(std::move(sets)), offsets_{0} {
    for (const ExpressionReader* set : sets_) offsets_.push_back(offsets_.back() + set->n_cells());
}

std::pair<const ExpressionReader*, Size> ExpressionSets::locate(Size row) const {
    const auto set = static_cast<std::size_t>(std::ranges::upper_bound(offsets_, row) - offsets_.begin()) - 1;
    return {sets_[set], row - offsets_[set]};
}

void move_expression(const ExpressionSets& profiles, Range moved, const MatchedRows& matches,
                     const ExpressionMoveOptions& options, DenseView<double> result, Threads threads) {
    const Pulls pulls(matches);
    if (pulls.n() == 0) {
        parallel_for(moved.size(), Grain{256}, threads, [&](Range rows) {
            for (const Size row : rows) {
                if (options.shifts_only)
                    std::fill_n(result.row_data(row), result.n_cols(), 0.0);
                else
                    profiles.read(moved.begin_item + row, 0, profiles.n_genes(), result.row_data(row));
            }
        });
    } else if (logits_are_small(profiles, moved, options.sigma, threads)) {
        ExpressionMove<float>(profiles, moved, pulls, options, result, threads).run();
    } else {
        ExpressionMove<double>(profiles, moved, pulls, options, result, threads).run();
    }
}

}  // namespace cellweave
