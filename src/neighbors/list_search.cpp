#include "neighbors/list_search.hpp"

#include <Eigen/Core>
#include <cmath>
#include <memory>
#include <numbers>

namespace cellweave {

namespace {

/// Lists whose distances are computed together.
constexpr Size lists_at_once = 64;

}  // namespace

float euclidean_unit(Metric metric, Size n_dims) {
    if (metric != Metric::manhattan) return 1;
    // Of a difference whose coordinates are normally distributed.
    return static_cast<float>(1 / std::sqrt(2.0 * static_cast<double>(n_dims) / std::numbers::pi));
}

struct ListSearch::Asking {
    PointRows queries;  ///< Less the centroid of their list.
    std::vector<CandidateList> found;
    std::unique_ptr<ListScan> scan;
    Row radii;                         ///< Distance to the k-th neighbour so far.
    std::vector<std::int32_t> active;  // scratch of search_list(): the queries that search the list
};

ListSearch::ListSearch(const ListedPoints& points, Metric metric, const Reach& reach, Size k)
    : points_(points), reach_(reach), k_(k), euclidean_unit_(euclidean_unit(metric, points.asked.n_dims)) {}

std::vector<CandidateList> ListSearch::run(Size list, std::span<const std::int32_t> queries) const {
    if (queries.empty()) return {};
    Asking asking = start(list, queries);
    const Row own = asking.queries.rowwise().squaredNorm().transpose();
    const Row to_centroid = own.sqrt();
    for (Size begin = 0; begin < points_.references.centroids.n; begin += lists_at_once) {
        // No region begins nearer to a query than half its centroid's distance less the query's from its own.
        if (points_.surroundings.apart(list, begin) / 2 > (to_centroid + reach_.borders * asking.radii).maxCoeff())
            break;
        const Size end = std::min(points_.references.centroids.n, begin + lists_at_once);
        const auto lists = points_.surroundings.around(list, begin, end);
        const SquaredDistances squared = points_.spread.from(asking.queries, list, lists);
        for (Size row = 0; row < end - begin; ++row) {
            const Row least_radii = radii_to_search(points_.surroundings.apart(list, begin + row), squared, row, own);
            search_list(lists[static_cast<std::size_t>(row)], least_radii, squared.to_centroid.row(row), asking);
        }
    }
    for (auto& found : asking.found) found.shrink();
    return std::move(asking.found);
}

ListSearch::Asking ListSearch::start(Size list, std::span<const std::int32_t> queries) const {
    const PreparedPoints& asked = points_.asked;
    const auto n = static_cast<Size>(queries.size());
    Asking asking;
    asking.queries.resize(n, asked.n_dims);
    asking.found.resize(queries.size());
    asking.radii = Row::Constant(n, std::numeric_limits<float>::infinity());
    using Point = Eigen::Map<const Eigen::RowVectorXf>;
    const Point centroid(points_.references.centroids.row(list), asked.n_dims);
    for_each_row(asked, queries,
                 [&](Size q, const float* row) { asking.queries.row(q) = Point(row, asked.n_dims) - centroid; });
    asking.scan =
        points_.scanner.begin({asked, queries, list, {asking.queries.data(), n, asked.n_dims}}, k_, asking.found);
    return asking;
}

void ListSearch::search_list(Size list, const Row& least_radii, const Eigen::Ref<const Row>& to_centroid,
                             Asking& asking) const {
    auto& [queries, found, scan, radii, active] = asking;
    // Without branches: which queries are near enough is as good as random.
    active.resize(found.size());
    std::size_t n_near = 0;
    for (Size q = 0; q < radii.size(); ++q) {
        active[n_near] = static_cast<std::int32_t>(q);
        n_near += least_radii[q] < radii[q] ? 1 : 0;
    }
    active.resize(n_near);
    if (active.empty()) return;
    scan->offer(list, active, {to_centroid.data(), found.size()});
    for (const std::int32_t q : active) {
        auto& candidates = found[static_cast<std::size_t>(q)];
        candidates.tighten();
        radii[q] = candidates.radius();
    }
}

ListSearch::Row ListSearch::radii_to_search(float apart, const SquaredDistances& squared, Size row,
                                            const Row& own) const {
    Row radius = Row::Zero(own.size());
    if (std::isfinite(reach_.deviations)) {
        const auto near_end = squared.mean.row(row) - reach_.deviations * squared.deviation.row(row);
        radius = near_end.max(0).sqrt() / euclidean_unit_;
    }
    // The list itself, and its twins, begin where the query is.
    if (apart > 0) radius = radius.max((squared.to_centroid.row(row) - own) / (2 * apart * reach_.borders));
    return radius;
}

}  // namespace cellweave
