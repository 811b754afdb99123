#include "neighbors/list_search.hpp"

#include <Eigen/Core>
#include <cmath>
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
    PointRows queries;
    std::vector<CandidateList> found;
    Row radii;                          ///< Distance to the k-th neighbour so far.
    std::vector<Size> active;           // scratch of search_list(): the queries that search the list,
    std::vector<const float*> rows;     // their rows
    std::vector<CandidateList*> sinks;  // and their candidates
};

ListSearch::ListSearch(const ListedPoints& points, Metric metric, const Reach& reach, Size k)
    : points_(points), reach_(reach), k_(k), euclidean_unit_(euclidean_unit(metric, points.asked.n_dims)) {}

std::vector<CandidateList> ListSearch::run(Size list, std::span<const std::int32_t> queries) const {
    if (queries.empty()) return {};
    Asking asking = start(queries);
    const Eigen::Map<const Eigen::RowVectorXf> centroid(points_.references.centroids.row(list), asking.queries.cols());
    const Row own = (asking.queries.rowwise() - centroid).rowwise().squaredNorm().transpose();
    const Row to_centroid = own.sqrt();
    for (Size begin = 0; begin < points_.references.centroids.n; begin += lists_at_once) {
        // No region begins nearer to a query than half its centroid's distance less the query's from its own.
        if (points_.surroundings.apart(list, begin) / 2 > (to_centroid + reach_.borders * asking.radii).maxCoeff())
            break;
        const Size end = std::min(points_.references.centroids.n, begin + lists_at_once);
        const auto lists = points_.surroundings.around(list, begin, end);
        const ListsByQueries radii = radii_to_search(list, begin, end, asking.queries, own);
        for (Size row = 0; row < radii.rows(); ++row)
            search_list(lists[static_cast<std::size_t>(row)], radii.row(row), asking);
    }
    for (auto& list : asking.found) list.shrink();
    return std::move(asking.found);
}

ListSearch::Asking ListSearch::start(std::span<const std::int32_t> queries) const {
    const PreparedPoints& asked = points_.asked;
    const auto n = static_cast<Size>(queries.size());
    Asking asking;
    asking.queries.resize(n, asked.n_dims);
    asking.found.resize(queries.size());
    asking.radii = Row::Constant(n, std::numeric_limits<float>::infinity());
    for (Size q = 0; q < n; ++q) {
        const Size query = queries[static_cast<std::size_t>(q)];
        std::copy_n(asked.row(query), asked.n_dims, asking.queries.row(q).data());
        points_.scanner.start(asking.found[static_cast<std::size_t>(q)], k_,
                              asked.norms[static_cast<std::size_t>(query)]);
    }
    return asking;
}

void ListSearch::search_list(Size list, const Eigen::Ref<const Row>& least_radii, Asking& asking) const {
    auto& [queries, found, radii, active, rows, sinks] = asking;
    rows.clear();
    sinks.clear();
    // Without branches: which queries are near enough is as good as random.
    active.resize(static_cast<std::size_t>(queries.rows()));
    std::size_t n_near = 0;
    for (Size q = 0; q < queries.rows(); ++q) {
        active[n_near] = q;
        n_near += least_radii[q] < radii[q] ? 1 : 0;
    }
    active.resize(n_near);
    for (const Size q : active) {
        rows.push_back(queries.row(q).data());
        sinks.push_back(&found[static_cast<std::size_t>(q)]);
    }
    points_.scanner.scan(list, rows, sinks);
    for (const Size q : active) {
        auto& candidates = found[static_cast<std::size_t>(q)];
        candidates.tighten();
        radii[q] = candidates.radius();
    }
}

ListsByQueries ListSearch::radii_to_search(Size list, Size begin, Size end, const PointRows& queries,
                                           const Row& own) const {
    const SquaredDistances squared = points_.spread.from(queries, list, points_.surroundings.around(list, begin, end));
    ListsByQueries radii = ListsByQueries::Zero(end - begin, queries.rows());
    for (Size row = 0; row < radii.rows(); ++row) {
        auto radius = radii.row(row);
        if (std::isfinite(reach_.deviations)) {
            const auto near_end = squared.mean.row(row) - reach_.deviations * squared.deviation.row(row);
            radius = near_end.max(0).sqrt() / euclidean_unit_;
        }
        // The list itself, and its twins, begin where the query is.
        if (const float apart = points_.surroundings.apart(list, begin + row); apart > 0)
            radius = radius.max((squared.to_centroid.row(row) - own) / (2 * apart * reach_.borders));
    }
    return radii;
}

}  // namespace cellweave
