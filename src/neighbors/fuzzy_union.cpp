#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <string>

#include "core/exponential.hpp"
#include "neighbors/connectivities.hpp"
#include "neighbors/directed_edges.hpp"
#include "sparse/symmetrize.hpp"

namespace cellweave {

namespace {

/// Within it umap-learn takes a local connectivity for a whole number, and stops its bisection.
constexpr double smooth_k_tolerance = 1e-5;
/// Of the sum of memberships: about what float32 can tell.
constexpr double tolerance = 1e-6;
constexpr int n_steps = 32;
/// Where umap-learn's bisection ends if the memberships cannot add up to so much.
constexpr float widest = 0x1p64F;
/// A cell's kernel is at least this share of the mean distance wide.
constexpr double least_share = 1e-3;

float negative_exponential(float x) {
    return 1.0F + fast_expm1(-x);
}

/// Distance within which neighbours get membership 1: that of neighbour number `local_connectivity`, those at distance
/// zero not counted.
float find_rho(std::span<const float> distances, double local_connectivity) {
    std::array<float, 2> around{};  // the neighbours between which to interpolate, and the farthest
    const auto index = static_cast<Size>(std::floor(local_connectivity));
    Size n_apart = 0;
    float farthest = 0;
    for (const float d : distances) {
        if (!(d > 0)) continue;
        ++n_apart;
        if (n_apart == index) around[0] = d;
        if (n_apart == index + 1) around[1] = d;
        farthest = std::max(farthest, d);
    }
    if (static_cast<double>(n_apart) < local_connectivity) return farthest;
    const double fraction = local_connectivity - static_cast<double>(index);
    const double rho = index > 0 && fraction <= smooth_k_tolerance ? static_cast<double>(around[0])
                                                                   : around[0] + fraction * (around[1] - around[0]);
    return static_cast<float>(rho);
}

double mean_of(std::span<const float> values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// A sum of exp(-rate e) over the excesses e, and how fast it falls as the rate grows.
struct Memberships {
    float sum;
    float slope;
};

/// In eight fixed partial sums.
Memberships memberships_at(float rate, std::span<const float> excess) {
    std::array<float, 8> sums{};
    std::array<float, 8> slopes{};
    const auto add = [&](std::size_t lane, float e) {
        const float membership = negative_exponential(rate * e);
        sums[lane] += membership;
        slopes[lane] += e * membership;
    };
    std::size_t k = 0;
    for (; k + 8 <= excess.size(); k += 8) {
        for (std::size_t lane = 0; lane < 8; ++lane) add(lane, excess[k + lane]);
    }
    for (std::size_t lane = 0; k < excess.size(); ++k, ++lane) add(lane, excess[k]);
    const auto total = [](const std::array<float, 8>& parts) {
        return ((parts[0] + parts[4]) + (parts[1] + parts[5])) + ((parts[2] + parts[6]) + (parts[3] + parts[7]));
    };
    return {total(sums), total(slopes)};
}

/// Kernel width at which the memberships add up to `target`, where umap-learn's bisection ends as well.
///
/// The sum is convex in the rate 1 / width, and at least `target` where exp(-rate mean) is target / n: from there
/// Newton's steps approach the solution from one side.
float find_sigma(std::span<const float> excess, double target) {
    const auto n = static_cast<double>(excess.size());
    if (n <= target) return widest;
    const double mean = mean_of(excess);
    auto rate = static_cast<float>(std::log(n / target) / mean);
    for (int step = 0; step < n_steps && std::isfinite(rate); ++step) {
        const Memberships at = memberships_at(rate, excess);
        const double beyond = at.sum - target;
        if (beyond < tolerance) break;
        rate += static_cast<float>(beyond) / at.slope;
    }
    return 1 / rate;
}

/// How the memberships of a cell's neighbours fall with their distance.
struct Kernel {
    float rho;
    float sigma;

    /// The exact exponential here: an edge too weak to count in the sum is an edge all the same.
    float membership(float distance) const {
        const float beyond = distance - rho;
        return beyond <= 0 || sigma == 0 ? 1.0F : std::exp(-beyond / sigma);
    }
};

/// @param excess  scratch.
Kernel kernel_of(std::span<const float> distances, const FuzzyUnionOptions& options, double mean_distance,
                 std::vector<float>& excess) {
    const float rho = find_rho(distances, options.local_connectivity);
    excess.clear();
    for (std::size_t j = 1; j < distances.size(); ++j) {
        const float beyond = distances[j] - rho;
        if (std::isfinite(beyond)) excess.push_back(std::max(0.0F, beyond));
    }
    const auto floor = static_cast<float>(least_share * (rho > 0 ? mean_of(distances) : mean_distance));
    return {rho, std::max(find_sigma(excess, std::log2(options.n_neighbors)), floor)};
}

double mean_of(DenseView<const float> distances, Threads threads) {
    const Size n = distances.n_rows();
    const double total = parallel_reduce(
        n, Grain{4096}, threads,
        [&](Range range) {
            double sum = 0;
            for (const Size i : range) sum = std::accumulate(distances.row(i).begin(), distances.row(i).end(), sum);
            return sum;
        },
        [](double& into, double&& next) { into += next; });
    return total / static_cast<double>(std::max<Size>(1, n * distances.n_cols()));
}

void check_options(const FuzzyUnionOptions& options) {
    require(options.n_neighbors > 0, "n_neighbors must be positive");
    require(options.local_connectivity >= 0, "local_connectivity must not be negative");
    require(options.mix_ratio >= 0 && options.mix_ratio <= 1, "set_op_mix_ratio must be between 0 and 1");
}

}  // namespace

void memberships(DenseView<const float> distances, const FuzzyUnionOptions& options, DenseView<float> weights,
                 Threads threads) {
    require(weights.n_rows() == distances.n_rows() && weights.n_cols() == distances.n_cols(),
            "weights and distances have different shapes");
    check_options(options);
    const double mean_distance = mean_of(distances, threads);
    parallel_for(distances.n_rows(), Grain{1024}, threads, [&](Range range) {
        std::vector<float> excess;
        for (const Size i : range) {
            const Kernel kernel = kernel_of(distances.row(i), options, mean_distance, excess);
            std::ranges::transform(distances.row(i), weights.row_data(i),
                                   [&](float distance) { return kernel.membership(distance); });
        }
    });
}

Graph<float> fuzzy_union(DenseView<const std::int32_t> indices, DenseView<const float> distances,
                         const FuzzyUnionOptions& options, Threads threads) {
    require(indices.n_rows() == distances.n_rows() && indices.n_cols() == distances.n_cols(),
            "knn indices and distances have different shapes");
    check_options(options);
    check_indices(indices, true, threads);
    const Size n = indices.n_rows();
    const double mean_distance = mean_of(distances, threads);
    DirectedEdges<float> edges(n, indices.n_cols());
    parallel_for(n, Grain{1024}, threads, [&](Range range) {
        std::vector<float> excess;
        for (const Size i : range) {
            const Kernel kernel = kernel_of(distances.row(i), options, mean_distance, excess);
            for (Size j = 0; j < indices.n_cols(); ++j) {
                const std::int32_t other = indices(i, j);
                if (other < 0 || other == i) continue;
                const float weight = kernel.membership(distances(i, j));
                if (weight != 0) edges.add(i, other, weight);
            }
            edges.tidy(i);
        }
    });
    const auto mix = static_cast<float>(options.mix_ratio);
    const auto combine = [mix](float a, float b) {
        const float both = a * b;
        return mix * ((a + b) - both) + (1 - mix) * both;
    };
    return symmetrized(edges, combine, threads);
}

}  // namespace cellweave
