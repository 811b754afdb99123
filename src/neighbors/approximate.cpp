#include "neighbors/approximate.hpp"

#include <cmath>
#include <memory>
#include <span>

#include "core/monitor.hpp"
#include "neighbors/byte_lists.hpp"
#include "neighbors/candidates.hpp"
#include "neighbors/copies.hpp"
#include "neighbors/kmeans.hpp"
#include "neighbors/list_scanner.hpp"
#include "neighbors/list_search.hpp"
#include "neighbors/points.hpp"
#include "neighbors/reach.hpp"
#include "neighbors/surroundings.hpp"

namespace cellweave {

namespace {

/// Queries that are searched together.
constexpr std::size_t queries_at_once = 288;

/// Some queries of one list.
struct Batch {
    Size list;
    std::span<const std::int32_t> queries;
};

std::vector<Batch> cut_into_batches(const Clusters& queries) {
    std::vector<Batch> batches;
    for (Size list = 0; list < queries.centroids.n; ++list) {
        for (auto rest = queries.members(list); !rest.empty();) {
            const std::size_t n = std::min(rest.size(), queries_at_once);
            batches.push_back({list, rest.first(n)});
            rest = rest.subspan(n);
        }
    }
    return batches;
}

Size choose_lists(Size n, const ApproximateOptions& options) {
    const auto balanced = static_cast<Size>(std::sqrt(static_cast<double>(n)) * 2 / 5);
    return std::clamp<Size>(options.n_lists > 0 ? options.n_lists : balanced, 1, n);
}

/// The quicker scanner, unless nothing may be missed.
std::unique_ptr<const ListScanner> scanner_of(const PreparedPoints& points, Metric metric, const Clusters& lists,
                                              double recall, Threads threads) {
    if (recall < 1 && ByteLists::take(metric, points.n_dims))
        return std::make_unique<const ByteLists>(points, metric, lists, threads);
    return std::make_unique<const FloatLists>(points, metric, lists, threads);
}

template <Real T, Real D>
void search_by_lists(DenseView<const T> references, std::optional<DenseView<const T>> queries, Metric metric,
                     const ApproximateOptions& options, NeighborTable<D> out, Threads threads) {
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
    const std::unique_ptr<const ListScanner> scanner = scanner_of(prepared, metric, lists, options.recall, threads);
    const ListSpread spread(prepared, lists, threads);
    const ListedPoints listed{*scanner, prepared, lists, spread, surroundings, asked, asked_by_list, is_self};
    const ListSearch search(listed, metric, find_reach(options.recall, listed, metric, k, threads), k);
    const ExactDistance<T> distance(is_self ? references : *queries, references, metric, threads);

    const auto batches = cut_into_batches(asked_by_list);
    Progress stage("nearest neighbors", static_cast<Size>(batches.size()));
    parallel_for(static_cast<Size>(batches.size()), Grain{1}, threads, [&](Range range) {
        std::vector<RankedNeighbor> ranked;
        for (const Size b : range) {
            const Batch& batch = batches[static_cast<std::size_t>(b)];
            const auto found = search.run(batch.list, batch.queries);
            for (std::size_t q = 0; q < found.size(); ++q) {
                const Size query = batch.queries[q];
                const auto indices = out.indices.row(query);
                const auto distances = out.distances.row(query);
                write_nearest(found[q].ids(), query, is_self, distance, ranked, indices, distances);
            }
        }
        stage.advance(range.size());
    });
}

}  // namespace

template <Real T, Real D>
void approximate_neighbors(DenseView<const T> references, std::optional<DenseView<const T>> queries, Metric metric,
                           const ApproximateOptions& options, NeighborTable<D> out, Threads threads) {
    check_search(references, queries, out, threads);
    search_without_copies(references, queries, out, threads, [&](auto points, auto asked, auto table) {
        search_by_lists<T, D>(points, asked, metric, options, table, threads);
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
