#include "neighbors/kmeans.hpp"

#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "core/random.hpp"
#include "neighbors/scan.hpp"

namespace cellweave {

namespace {

/// The nearest reference: a sink of scan_panels().
class Nearest {
public:
    float threshold() const { return score_; }
    void offer(const float* scores, const std::int32_t* ids, int n) {
        for (int lane = 0; lane < n; ++lane) {
            if (scores[lane] >= score_) continue;
            score_ = scores[lane];
            id_ = ids[lane];
        }
    }
    std::int32_t id() const { return id_; }

private:
    float score_ = std::numeric_limits<float>::infinity();
    std::int32_t id_ = 0;
};

/// One number from each of n equal parts of {0, ..., n_items - 1}.
std::vector<Size> stratified(Size n_items, Size n, const Random& random) {
    std::vector<Size> chosen(static_cast<std::size_t>(n));
    for (Size part = 0; part < n; ++part) {
        const double at =
            (static_cast<double>(part) + random.uniform(static_cast<std::uint64_t>(part))) / static_cast<double>(n);
        chosen[static_cast<std::size_t>(part)] =
            std::min(n_items - 1, static_cast<Size>(at * static_cast<double>(n_items)));
    }
    return chosen;
}

PreparedPoints taken(const PreparedPoints& points, const std::vector<Size>& which) {
    PreparedPoints some;
    some.n = static_cast<Size>(which.size());
    some.n_dims = points.n_dims;
    some.rows.reserve(which.size() * static_cast<std::size_t>(points.n_dims));
    for (const Size point : which)
        some.rows.insert(some.rows.end(), points.row(point), points.row(point) + points.n_dims);
    return some;
}

std::vector<std::int32_t> nearest_centroids(const PreparedPoints& centroids, const PreparedPoints& points,
                                            Threads threads) {
    std::vector<std::int32_t> order(static_cast<std::size_t>(centroids.n));
    std::iota(order.begin(), order.end(), 0);
    const scan::PackedPoints packed(centroids, Metric::euclidean, order, std::vector<Size>{0, centroids.n}, threads);
    std::vector<std::int32_t> nearest(static_cast<std::size_t>(points.n));
    parallel_for(points.n, Grain{384}, threads, [&](Range range) {
        std::vector<Nearest> found(static_cast<std::size_t>(range.size()));
        std::vector<const float*> rows;
        std::vector<Nearest*> sinks;
        for (const Size point : range) {
            sinks.push_back(&found[rows.size()]);
            rows.push_back(points.row(point));
        }
        scan::scan_panels<Nearest>(packed, Metric::euclidean, 0, packed.first_panel(1), rows, sinks);
        for (const Size point : range) {
            nearest[static_cast<std::size_t>(point)] = found[static_cast<std::size_t>(point - range.begin_item)].id();
        }
    });
    return nearest;
}

void sort_by_cluster(const std::vector<std::int32_t>& nearest, Size n_clusters, Clusters& clusters) {
    clusters.starts.assign(static_cast<std::size_t>(n_clusters) + 1, 0);
    for (const std::int32_t cluster : nearest) ++clusters.starts[static_cast<std::size_t>(cluster) + 1];
    std::partial_sum(clusters.starts.begin(), clusters.starts.end(), clusters.starts.begin());
    std::vector<Size> next(clusters.starts.begin(), clusters.starts.end() - 1);
    clusters.order.resize(nearest.size());
    for (std::size_t point = 0; point < nearest.size(); ++point) {
        const auto at = next[static_cast<std::size_t>(nearest[point])]++;
        clusters.order[static_cast<std::size_t>(at)] = static_cast<std::int32_t>(point);
    }
}

/// Moves every centroid to the mean of its points; one without points stays.
void move_centroids(const PreparedPoints& points, Clusters& clusters, Threads threads) {
    PreparedPoints& centroids = clusters.centroids;
    parallel_for(centroids.n, Grain{16}, threads, [&](Range range) {
        std::vector<double> sums(static_cast<std::size_t>(points.n_dims));
        for (const Size cluster : range) {
            const auto members = clusters.members(cluster);
            if (members.empty()) continue;
            std::fill(sums.begin(), sums.end(), 0.0);
            for_each_row(points, members, [&](Size, const float* row) {
                for (std::size_t k = 0; k < sums.size(); ++k) sums[k] += static_cast<double>(row[k]);
            });
            float* const centroid = centroids.rows.data() + cluster * points.n_dims;
            for (std::size_t k = 0; k < sums.size(); ++k)
                centroid[k] = static_cast<float>(sums[k] / static_cast<double>(members.size()));
        }
    });
}

}  // namespace

Clusters assign_to(PreparedPoints centroids, const PreparedPoints& points, Threads threads) {
    Clusters clusters;
    sort_by_cluster(nearest_centroids(centroids, points, threads), centroids.n, clusters);
    clusters.centroids = std::move(centroids);
    return clusters;
}

Clusters find_clusters(const PreparedPoints& points, const KMeansOptions& options, Threads threads) {
    const Size n_sampled = std::min(points.n, options.n_clusters * options.sample_per_cluster);
    const auto chosen = stratified(points.n, n_sampled, Random(options.seed, 0));
    const PreparedPoints sample = taken(points, chosen);
    PreparedPoints centroids = taken(sample, stratified(n_sampled, options.n_clusters, Random(options.seed, 1)));
    for (int round = 0; round < options.n_rounds; ++round) {
        Clusters clusters = assign_to(std::move(centroids), sample, threads);
        move_centroids(sample, clusters, threads);
        centroids = std::move(clusters.centroids);
    }
    return assign_to(std::move(centroids), points, threads);
}

}  // namespace cellweave
