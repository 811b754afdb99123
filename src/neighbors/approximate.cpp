#include "neighbors/approximate.hpp"

#include <Eigen/Core>
#include <cmath>
#include <limits>
#include <span>

#include "core/monitor.hpp"
#include "neighbors/candidates.hpp"
#include "neighbors/kmeans.hpp"
#include "neighbors/points.hpp"
#include "neighbors/reach.hpp"
#include "neighbors/scan.hpp"
#include "neighbors/surroundings.hpp"

namespace cellweave {

namespace {

using Row = Eigen::Array<float, 1, Eigen::Dynamic>;

/// Queries that are searched together.
constexpr Size queries_at_once = 288;

/// Lists whose distances are computed together.
constexpr Size lists_at_once = 64;

/// Some queries of one list.
struct Batch {
    Size list;
    Size begin;
    Size end;
};

std::vector<Batch> cut_into_batches(const Clusters& queries) {
    std::vector<Batch> batches;
    for (std::size_t list = 0; list + 1 < queries.starts.size(); ++list) {
        for (Size begin = queries.starts[list]; begin < queries.starts[list + 1]; begin += queries_at_once) {
            batches.push_back(
                {static_cast<Size>(list), begin, std::min(queries.starts[list + 1], begin + queries_at_once)});
        }
    }
    return batches;
}

class Search {
public:
    Search(const ListedPoints& points, const Surroundings& surroundings, Metric metric, const Reach& reach, Size k)
        : references_(points.packed),
          spread_(points.spread),
          surroundings_(surroundings),
          centroids_(points.references.centroids),
          points_(points.asked),
          queries_(points.queries),
          metric_(metric),
          k_(k),
          margin_(metric, points.asked.n_dims),
          reach_(reach),
          euclidean_unit_(euclidean_unit(metric, points.asked.n_dims)) {}

    /// Candidates of every query of `batch`, in its order.
    std::vector<CandidateList> run(const Batch& batch) const {
        Asking asking = start(batch);
        const Row own = spread_.from(asking.queries, surroundings_.around(batch.list, 0, 1)).to_centroid.row(0);
        const Row to_centroid = own.sqrt();
        for (Size begin = 0; begin < centroids_.n; begin += lists_at_once) {
            // No region begins nearer to a query than half its centroid's distance less the query's from its own.
            if (surroundings_.apart(batch.list, begin) / 2 > (to_centroid + reach_.borders * asking.radii).maxCoeff())
                break;
            const Size end = std::min(centroids_.n, begin + lists_at_once);
            const auto lists = surroundings_.around(batch.list, begin, end);
            const ListsByQueries radii = radii_to_search(batch.list, begin, end, asking.queries, own);
            for (Size row = 0; row < radii.rows(); ++row)
                search_list(lists[static_cast<std::size_t>(row)], radii.row(row), asking);
        }
        for (auto& list : asking.found) list.shrink();
        return std::move(asking.found);
    }

private:
    /// The queries of a batch and what is known of their neighbours so far.
    struct Asking {
        PointRows queries;
        std::vector<CandidateList> found;
        Row radii;                          ///< Distance to the k-th neighbour so far.
        std::vector<Size> active;           // scratch of search_list(): the queries that search the list,
        std::vector<const float*> rows;     // their rows
        std::vector<CandidateList*> sinks;  // and their candidates
    };

    Asking start(const Batch& batch) const {
        const Size n = batch.end - batch.begin;
        Asking asking;
        asking.queries.resize(n, points_.n_dims);
        asking.found.resize(static_cast<std::size_t>(n));
        asking.radii = Row::Constant(n, std::numeric_limits<float>::infinity());
        for (Size q = 0; q < n; ++q) {
            const Size query = queries_.order[static_cast<std::size_t>(batch.begin + q)];
            std::copy_n(points_.row(query), points_.n_dims, asking.queries.row(q).data());
            asking.found[static_cast<std::size_t>(q)].start(k_, points_.norms[static_cast<std::size_t>(query)],
                                                            margin_);
        }
        return asking;
    }

    /// Scans `list` for the queries whose k-th neighbour so far is farther than `least_radii`, and draws it in.
    void search_list(Size list, const Eigen::Ref<const Row>& least_radii, Asking& asking) const {
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
        scan::scan_panels<CandidateList>(references_, metric_, references_.first_panel(list),
                                         references_.first_panel(list + 1), rows, sinks);
        for (const Size q : active) {
            auto& candidates = found[static_cast<std::size_t>(q)];
            candidates.tighten();
            radii[q] = candidates.radius();
        }
    }

    /// How far the k-th neighbour so far of a query must be for the lists `begin` to `end` around its own to be worth a
    /// search. The region of list b begins (|q - b|^2 - |q - a|^2) / (2 |a - b|) away from a query in the region of a.
    ///
    /// @param own  |q - a|^2 of every query.
    ListsByQueries radii_to_search(Size list, Size begin, Size end, const PointRows& queries, const Row& own) const {
        const SquaredDistances squared = spread_.from(queries, surroundings_.around(list, begin, end));
        ListsByQueries borders = squared.to_centroid.rowwise() - own;
        for (Size near = begin; near < end; ++near) {
            if (const float distance = surroundings_.apart(list, near); distance > 0) {
                borders.row(near - begin) /= 2 * distance * reach_.borders;
            } else {
                borders.row(near - begin).setConstant(-1);  // the list itself, and its twins
            }
        }
        const ListsByQueries near_ends = squared.mean - reach_.deviations * squared.deviation;
        return borders.max((near_ends > 0).select(near_ends.max(0).sqrt() / euclidean_unit_, -1));
    }

    const scan::PackedPoints& references_;
    const ListSpread& spread_;
    const Surroundings& surroundings_;
    const PreparedPoints& centroids_;
    const PreparedPoints& points_;
    const Clusters& queries_;
    Metric metric_;
    Size k_;
    ScoreMargin margin_;
    Reach reach_;
    float euclidean_unit_;
};

Size choose_lists(Size n, const ApproximateOptions& options) {
    const auto balanced = static_cast<Size>(std::sqrt(static_cast<double>(n)) * 5 / 6);
    return std::clamp<Size>(options.n_lists > 0 ? options.n_lists : balanced, 1, n);
}

}  // namespace

template <Real T, Real D>
void approximate_neighbors(DenseView<const T> references, std::optional<DenseView<const T>> queries, Metric metric,
                           const ApproximateOptions& options, NeighborTable<D> out, Threads threads) {
    check_search(references, queries, out, threads);
    const bool is_self = !queries;
    const Size k = out.indices.n_cols();
    const Frame frame = find_frame(references, metric, threads);
    const PreparedPoints prepared = prepare(references, metric, frame, threads);
    const std::optional<PreparedPoints> others =
        is_self ? std::nullopt : std::optional(prepare(*queries, metric, frame, threads));
    const PreparedPoints& asked = is_self ? prepared : *others;

    KMeansOptions clustering;
    clustering.n_clusters = choose_lists(prepared.n, options);
    clustering.seed = options.seed;
    const Clusters lists = find_clusters(prepared, clustering, threads);
    const std::optional<Clusters> asked_lists =
        is_self ? std::nullopt : std::optional(assign_to(lists.centroids, asked, threads));
    const Clusters& asked_by_list = is_self ? lists : *asked_lists;
    const Surroundings surroundings(lists.centroids, threads);
    const scan::PackedPoints packed(prepared, metric, lists.order, lists.starts, threads);
    const ListSpread spread(prepared, lists, threads);
    const ListedPoints listed{packed, lists, spread, asked, asked_by_list, is_self};
    const Search search(listed, surroundings, metric, find_reach(options.recall, listed, metric, k, threads), k);
    const ExactDistance<T> distance(is_self ? references : *queries, references, metric, threads);

    const auto batches = cut_into_batches(asked_by_list);
    Progress stage("nearest neighbors", static_cast<Size>(batches.size()));
    parallel_for(static_cast<Size>(batches.size()), Grain{1}, threads, [&](Range range) {
        std::vector<RankedNeighbor> ranked;
        for (const Size b : range) {
            const Batch& batch = batches[static_cast<std::size_t>(b)];
            const auto found = search.run(batch);
            for (std::size_t q = 0; q < found.size(); ++q) {
                const Size query = asked_by_list.order[static_cast<std::size_t>(batch.begin) + q];
                const auto indices = out.indices.row(query);
                const auto distances = out.distances.row(query);
                write_nearest(found[q].ids(), query, is_self, distance, ranked, indices, distances);
            }
        }
        stage.advance(range.size());
    });
}

#define CELLWEAVE_INSTANTIATE(T, D)                                                                    \
    template void approximate_neighbors(DenseView<const T>, std::optional<DenseView<const T>>, Metric, \
                                        const ApproximateOptions&, NeighborTable<D>, Threads);
CELLWEAVE_INSTANTIATE(float, float)
CELLWEAVE_INSTANTIATE(float, double)
CELLWEAVE_INSTANTIATE(double, float)
CELLWEAVE_INSTANTIATE(double, double)
#undef CELLWEAVE_INSTANTIATE

}  // namespace cellweave
