#include "neighbors/reach.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <span>
#include <vector>

#include "neighbors/candidates.hpp"

namespace cellweave {

namespace {

constexpr Size n_sampled = 512;

/// Queries that pass over the references together.
constexpr Size queries_at_once = 48;

/// Of the neighbours that may be missed, the share that may lie behind a border too far away.
constexpr double share_behind_borders = 0.125;

/// What it takes to find one neighbour.
using Need = Reach;

/// No region begins farther away than a point in it. (A little more than 1, for rounding.)
constexpr Reach everything{1.01F, std::numeric_limits<float>::infinity()};

std::vector<std::int32_t> list_of_each(const Clusters& clusters) {
    std::vector<std::int32_t> lists(clusters.order.size());
    for (Size list = 0; list < clusters.centroids.n; ++list)
        for (const std::int32_t point : clusters.members(list))
            lists[static_cast<std::size_t>(point)] = static_cast<std::int32_t>(list);
    return lists;
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
    Survey(const ListedPoints& points, Metric metric, Size k)
        : points_(points),
          metric_(metric),
          k_(k),
          margin_(metric, points.asked.n_dims),
          list_of_(list_of_each(points.references)) {}

    /// Of the queries at these places of the order in which the lists hold them.
    std::vector<Need> ask(std::span<const Size> slots) const {
        std::vector<Size> queries;
        for (const Size slot : slots) queries.push_back(points_.queries.order[static_cast<std::size_t>(slot)]);
        const auto found = candidates_among_all(points_.packed, points_.asked, queries, metric_, k_, margin_);
        const auto& starts = points_.queries.starts;
        std::vector<Need> needs;
        for (std::size_t q = 0; q < queries.size(); ++q) {
            const Size own = std::ranges::upper_bound(starts, slots[q]) - starts.begin() - 1;
            std::vector<std::int32_t> lists;
            for (const std::int32_t id : found[q].ids()) {
                if (points_.is_self && id == queries[q]) continue;
                lists.push_back(list_of_[static_cast<std::size_t>(id)]);
            }
            add_needs(points_.asked.row(queries[q]), own, lists, found[q].radius(), needs);
        }
        return needs;
    }

private:
    /// For a query in the region of list `own` to find a neighbour in each of `lists`.
    void add_needs(const float* query, Size own, std::span<const std::int32_t> lists, float radius,
                   std::vector<Need>& needs) const {
        const Size n_dims = points_.asked.n_dims;
        const SquaredDistances squared =
            points_.spread.from(Eigen::Map<const Eigen::RowVectorXf>(query, n_dims), lists);
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
    Size k_;
    ScoreMargin margin_;
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

float euclidean_unit(Metric metric, Size n_dims) {
    if (metric != Metric::manhattan) return 1;
    // Of a difference whose coordinates are normally distributed.
    return static_cast<float>(1 / std::sqrt(2.0 * static_cast<double>(n_dims) / std::numbers::pi));
}

Reach find_reach(double recall, const ListedPoints& points, Metric metric, Size k, Threads threads) {
    if (recall >= 1) return everything;
    const Survey survey(points, metric, k);
    const Size n = std::min(n_sampled, points.asked.n);
    const auto needs = parallel_reduce(
        n, Grain{queries_at_once}, threads,
        [&](Range range) {
            std::vector<Size> slots;
            for (const Size item : range) slots.push_back(item * points.asked.n / n);
            return survey.ask(slots);
        },
        [](std::vector<Need>& into, std::vector<Need>&& next) { into.insert(into.end(), next.begin(), next.end()); });
    return needs.empty() ? everything : meeting(needs, recall);
}

}  // namespace cellweave
