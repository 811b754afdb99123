#include "neighbors/exact.hpp"

#include <numeric>
#include <string>

#include "core/error.hpp"
#include "core/finite.hpp"
#include "core/monitor.hpp"
#include "neighbors/candidates.hpp"
#include "neighbors/copies.hpp"
#include "neighbors/points.hpp"
#include "neighbors/scan.hpp"

namespace cellweave {

namespace {

/// Queries that pass over the references together.
constexpr Size queries_at_once = 96;

/// The candidates of some queries when they have seen every reference.
///
/// @param queries  rows of `asked`.
/// @param margin   outlives the lists.
std::vector<CandidateList> candidates_among_all(const scan::PackedPoints& references, const PreparedPoints& asked,
                                                std::span<const Size> queries, Metric metric, Size k,
                                                const ScoreMargin& margin) {
    std::vector<CandidateList> lists(queries.size());
    std::vector<const float*> rows;
    std::vector<CandidateList*> sinks;
    for (const Size query : queries) {
        auto& list = lists[rows.size()];
        list.start(k, asked.norms[static_cast<std::size_t>(query)], margin);
        rows.push_back(asked.row(query));
        sinks.push_back(&list);
    }
    const Size n_panels = references.first_panel(references.n_lists());
    scan::scan_panels<CandidateList>(references, metric, 0, n_panels, rows, sinks);
    for (auto& list : lists) list.shrink();
    return lists;
}

template <Real T, Real D>
void search_all(DenseView<const T> references, std::optional<DenseView<const T>> queries, Metric metric,
                NeighborTable<D> out, Threads threads) {
    const bool is_self = !queries;
    const Size k = out.indices.n_cols();
    const Frame frame = find_frame(references, metric, threads);
    const PreparedPoints prepared = prepare(references, metric, frame, threads);
    const std::optional<PreparedPoints> others =
        is_self ? std::nullopt : std::optional(prepare(*queries, metric, frame, threads));
    const PreparedPoints& asked = is_self ? prepared : *others;
    const ExactDistance<T> distance(is_self ? references : *queries, references, metric, threads);
    const ScoreMargin margin(metric, references.n_cols());

    std::vector<std::int32_t> order(static_cast<std::size_t>(prepared.n));
    std::iota(order.begin(), order.end(), 0);
    // Pieces of the one list only let the packing run in parallel.
    std::vector<Size> starts{0};
    while (starts.back() < prepared.n) starts.push_back(std::min(prepared.n, starts.back() + 64 * scan::panel_width));
    const scan::PackedPoints packed(prepared, metric, order, starts, threads);

    Progress stage("nearest neighbors", asked.n);
    parallel_for(asked.n, Grain{queries_at_once}, threads, [&](Range range) {
        std::vector<Size> asking(static_cast<std::size_t>(range.size()));
        std::iota(asking.begin(), asking.end(), range.begin_item);
        const auto lists = candidates_among_all(packed, asked, asking, metric, k, margin);
        std::vector<RankedNeighbor> ranked;
        for (const Size query : range) {
            const auto& list = lists[static_cast<std::size_t>(query - range.begin_item)];
            const auto indices = out.indices.row(query);
            const auto distances = out.distances.row(query);
            write_nearest(list.ids(), query, is_self, distance, ranked, indices, distances);
        }
        stage.advance(range.size());
    });
}

}  // namespace

template <Real T, Real D>
void check_search(DenseView<const T> references, std::optional<DenseView<const T>> queries, const NeighborTable<D>& out,
                  Threads threads) {
    const Size k = out.indices.n_cols();
    require(references.n_rows() <= std::numeric_limits<std::int32_t>::max(),
            "points: " + std::to_string(references.n_rows()) + " cells; the search takes fewer than 2^31");
    require(k >= 1 && k <= references.n_rows(), "k must be between 1 and the number of points, " +
                                                    std::to_string(references.n_rows()) + ", found " +
                                                    std::to_string(k));
    require(all_finite(references, threads), "points hold NaN or infinite values; remove those cells or fill them in");
    if (!queries) return;
    require(queries->n_cols() == references.n_cols(), "queries have " + std::to_string(queries->n_cols()) +
                                                          " dimensions, points " + std::to_string(references.n_cols()));
    require(all_finite(*queries, threads), "queries hold NaN or infinite values; remove those cells or fill them in");
}

template <Real T, Real D>
void exact_neighbors(DenseView<const T> references, std::optional<DenseView<const T>> queries, Metric metric,
                     NeighborTable<D> out, Threads threads) {
    check_search(references, queries, out, threads);
    search_without_copies(references, queries, out, threads, [&](auto points, auto asked, auto table) {
        search_all<T, D>(points, asked, metric, table, threads);
    });
}

#define CELLWEAVE_INSTANTIATE(T, D)                                                                                \
    template void check_search(DenseView<const T>, std::optional<DenseView<const T>>, const NeighborTable<D>&,     \
                               Threads);                                                                           \
    template void exact_neighbors(DenseView<const T>, std::optional<DenseView<const T>>, Metric, NeighborTable<D>, \
                                  Threads);
CELLWEAVE_INSTANTIATE(float, float)
CELLWEAVE_INSTANTIATE(float, double)
CELLWEAVE_INSTANTIATE(double, float)
CELLWEAVE_INSTANTIATE(double, double)
#undef CELLWEAVE_INSTANTIATE

}  // namespace cellweave
