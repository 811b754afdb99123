#include "neighbors/reach.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "neighbors/candidates.hpp"

namespace cellweave {

namespace {

constexpr Size n_sampled = 768;

/// Of the neighbours that may be missed, the share that may lie behind a border too far away.
constexpr double share_behind_borders = 0.125;

/// What it takes to find one neighbour.
using Need = Reach;

std::vector<std::int32_t> list_of_each(const Clusters& clusters) {
    std::vector<std::int32_t> lists(clusters.order.size());
    for (Size list = 0; list < clusters.centroids.n; ++list)
        for (const std::int32_t point : clusters.members(list))
            lists[static_cast<std::size_t>(point)] = static_cast<std::int32_t>(list);
    return lists;
}

/// Up to `n_sampled` of the queries, list by list, at even steps of the order in which the lists hold them.
std::vector<std::vector<std::int32_t>> sample_of(const Clusters& queries) {
    const auto n_queries = static_cast<Size>(queries.order.size());
    const Size n = std::min(n_sampled, n_queries);
    std::vector<std::vector<std::int32_t>> sampled(static_cast<std::size_t>(queries.centroids.n));
    std::size_t list = 0;
    for (Size item = 0; item < n; ++item) {
        const Size slot = item * n_queries / n;
        while (queries.starts[list + 1] <= slot) ++list;
        sampled[list].push_back(queries.order[static_cast<std::size_t>(slot)]);
    }
    return sampled;
}

double squared_distance(const float* a, const float* b, Size n_dims) {
    double sum = 0;
    for (Size k = 0; k < n_dims; ++k) {
        const double difference = static_cast<double>(a[k]) - static_cast<double>(b[k]);
        sum += difference * difference;
    }
    return sum;
}

/// How far `point`, which lies in the region of centroid `own`, is from where the region of `other` begins.
double distance_to_border(const PreparedPoints& centroids, const float* point, Size own, Size other) {
    const auto to = [&](Size list) { return squared_distance(point, centroids.row(list), centroids.n_dims); };
    const double apart = std::sqrt(squared_distance(centroids.row(own), centroids.row(other), centroids.n_dims));
    return apart > 0 ? (to(other) - to(own)) / (2 * apart) : 0;
}

/// What it takes to find each neighbour of some queries.
class Survey {
public:
    Survey(const ListedPoints& points, Metric metric, Size k, Threads threads)
        : points_(points),
          metric_(metric),
          k_(static_cast<std::size_t>(k)),
          search_(points, metric, everything, k),
          distance_(view_of(points.asked), view_of(points.points),
                    metric == Metric::manhattan ? Metric::manhattan : Metric::euclidean, threads),
          list_of_(list_of_each(points.references)) {}

    /// Of some queries of `list`.
    std::vector<Need> ask(Size list, std::span<const std::int32_t> queries) const {
        const auto found = search_.run(list, queries);
        std::vector<Need> needs;
        std::vector<RankedNeighbor> ranked;
        std::vector<std::int32_t> nearest(k_);
        std::vector<double> distances(k_);
        for (std::size_t q = 0; q < queries.size(); ++q) {
            write_nearest<float, double>(found[q].ids(), queries[q], points_.is_self, distance_, ranked, nearest,
                                         distances);
            std::vector<std::int32_t> lists;
            for (std::size_t j = points_.is_self ? 1 : 0; j < k_; ++j)
                lists.push_back(list_of_[static_cast<std::size_t>(nearest[j])]);
            add_needs(points_.asked.row(queries[q]), list, lists, static_cast<float>(distances.back()), needs);
        }
        return needs;
    }

private:
    static DenseView<const float> view_of(const PreparedPoints& points) {
        return {points.rows.data(), points.n, points.n_dims};
    }

    /// For a query in the region of list `own` to find a neighbour in each of `lists`.
    void add_needs(const float* query, Size own, std::span<const std::int32_t> lists, float radius,
                   std::vector<Need>& needs) const {
        const Size n_dims = points_.asked.n_dims;
        using Row = Eigen::Map<const Eigen::RowVectorXf>;
        const PointRows from_centroid = Row(query, n_dims) - Row(points_.references.centroids.row(own), n_dims);
        const SquaredDistances squared = points_.spread.from(from_centroid, own, lists);
        const float straight = radius * euclidean_unit(metric_, n_dims);
        for (Size row = 0; row < squared.mean.rows(); ++row) {
            const Size list = lists[static_cast<std::size_t>(row)];
            if (list == own) {
                needs.push_back({0, 0});
                continue;
            }
            const double border = distance_to_border(points_.references.centroids, query, own, list);
            const Need need{static_cast<float>(border) / radius,
                            (squared.mean(row, 0) - straight * straight) / squared.deviation(row, 0)};
            needs.push_back(std::isnan(need.borders) || std::isnan(need.deviations) ? everything : need);
        }
    }

    const ListedPoints& points_;
    Metric metric_;
    std::size_t k_;
    ListSearch search_;
    ExactDistance<float> distance_;  // of the prepared points
    std::vector<std::int32_t> list_of_;
};

/// A value below which `n` of `values` lie, at least 0.
float value_above(std::vector<float>& values, std::size_t n) {
    if (values.empty()) return std::numeric_limits<float>::infinity();
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(std::min(n, values.size() - 1));
    std::nth_element(values.begin(), at, values.end());
    return std::nextafter(std::max(0.0F, *at), std::numeric_limits<float>::infinity());
}

/// The least reach that meets a share `recall` of `needs`.
Reach meeting(const std::vector<Need>& needs, double recall) {
    const auto n = static_cast<double>(needs.size());
    const double behind_borders = share_behind_borders * (1 - recall);
    std::vector<float> borders;
    for (const Need& need : needs) borders.push_back(need.borders);
    Reach reach = everything;
    reach.borders = std::min(reach.borders, value_above(borders, static_cast<std::size_t>(n * (1 - behind_borders))));
    std::vector<float> deviations;
    for (const Need& need : needs) {
        if (need.borders < reach.borders) deviations.push_back(need.deviations);
    }
    reach.deviations = value_above(deviations, static_cast<std::size_t>(n * recall));
    return reach;
}

}  // namespace

Reach find_reach(double recall, const ListedPoints& points, Metric metric, Size k, Threads threads) {
    if (recall >= 1) return everything;
    const Survey survey(points, metric, k, threads);
    const auto sampled = sample_of(points.queries);
    const auto needs = parallel_reduce(
        points.queries.centroids.n, Grain{1}, threads,
        [&](Range range) {
            std::vector<Need> of_lists;
            for (const Size list : range) {
                const auto of_list = survey.ask(list, sampled[static_cast<std::size_t>(list)]);
                of_lists.insert(of_lists.end(), of_list.begin(), of_list.end());
            }
            return of_lists;
        },
        [](std::vector<Need>& into, std::vector<Need>&& next) { into.insert(into.end(), next.begin(), next.end()); });
    return needs.empty() ? everything : meeting(needs, recall);
}

}  // namespace cellweave
