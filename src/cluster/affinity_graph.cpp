#include "cluster/affinity_graph.hpp"

#include <cmath>
#include <limits>
#include <numeric>

#include "core/error.hpp"
#include "sparse/symmetrize.hpp"

namespace cellweave {

namespace {

constexpr Grain vertices_per_chunk{4096};
constexpr Grain entries_per_chunk{1 << 18};

template <Real T>
void check_weights(const T* weights, Size n_entries, Threads threads) {
    parallel_for(n_entries, entries_per_chunk, threads, [&](Range entries) {
        bool good = true;
        for (const Size k : entries) good &= weights[k] >= 0 && weights[k] <= std::numeric_limits<T>::max();
        if (good) return;
        for (const Size k : entries) {
            if (weights[k] >= 0 && weights[k] <= std::numeric_limits<T>::max()) continue;
            throw InvalidInput("adjacency: weight " + std::to_string(weights[k]) + " at position " + std::to_string(k) +
                               " is negative, infinite or NaN; communities need finite weights of at least 0. "
                               "Pass affinities such as obsp['connectivities'].");
        }
    });
}

template <Real W>
std::vector<double> row_sums(GraphView<W> graph, Threads threads) {
    std::vector<double> sums(static_cast<std::size_t>(graph.n_vertices()));
    parallel_for(graph.n_vertices(), vertices_per_chunk, threads, [&](Range rows) {
        for (const Size row : rows) {
            double sum = 0;
            graph.for_each_edge(row, [&](Vertex, double weight) { sum += weight; });
            sums[static_cast<std::size_t>(row)] = sum;
        }
    });
    return sums;
}

/// Whether A = A', bit for bit. Rows must rise strictly; anything else is answered by no.
///
/// Going through the rows in order, the entries below the diagonal of row j are met in order as the mirror images of
/// entries above the diagonal: one position a row tells where the next one must be.
template <Real W>
bool equals_own_transpose(GraphView<W> graph) {
    const Size n = graph.n_vertices();
    std::vector<Size> next(static_cast<std::size_t>(n));
    for (Size row = 0; row < n; ++row) next[static_cast<std::size_t>(row)] = graph.begin(row);
    for (Size row = 0; row < n; ++row) {
        // Everything left of the diagonal has been matched by the rows above, or has no mirror image.
        Size entry = next[static_cast<std::size_t>(row)];
        Size last = row - 1;
        for (; entry < graph.end(row); ++entry) {
            const Size col = graph.neighbor(entry);
            if (col <= last) return false;
            last = col;
            if (col == row) continue;
            const Size mirror = next[static_cast<std::size_t>(col)]++;
            if (mirror >= graph.end(col) || graph.neighbor(mirror) != row ||
                graph.weight(mirror) != graph.weight(entry)) {
                return false;
            }
        }
    }
    return true;
}

}  // namespace

template <Real T, class I>
AffinityGraph::AffinityGraph(CsrView<const T, I> adjacency, bool use_weights, Threads threads) {
    const Size n = adjacency.n_rows();
    require(n == adjacency.n_cols(), "adjacency: found " + std::to_string(n) + " x " +
                                         std::to_string(adjacency.n_cols()) +
                                         ", expected a square matrix, cells x cells.");
    require(n <= std::numeric_limits<Vertex>::max(),
            "adjacency: " + std::to_string(n) + " cells are more than 2^31 - 1.");
    check_weights(adjacency.data(), adjacency.nnz(), threads);

    const auto n_entries = static_cast<std::size_t>(adjacency.nnz());
    offsets_.assign(adjacency.indptr(), adjacency.indptr() + n + 1);
    std::span<const Vertex> neighbors;
    if constexpr (std::is_same_v<I, Vertex>) {
        neighbors = {adjacency.indices(), n_entries};
    } else {
        neighbors_.assign(adjacency.indices(), adjacency.indices() + n_entries);
        neighbors = neighbors_;
    }
    if (use_weights) {
        use(GraphView<T>(offsets_, neighbors, std::span(adjacency.data(), n_entries)), threads);
        return;
    }
    units_.resize(n_entries);
    for (std::size_t k = 0; k < n_entries; ++k) units_[k] = adjacency.data()[k] != 0 ? 1.0F : 0.0F;
    use(GraphView<float>(offsets_, neighbors, units_), threads);
}

template <Real W>
void AffinityGraph::use(GraphView<W> graph, Threads threads) {
    out_strengths_ = row_sums(graph, threads);
    total_weight_ = std::accumulate(out_strengths_.begin(), out_strengths_.end(), 0.0);
    require(std::isfinite(total_weight_), "adjacency: the sum of the weights is not finite. Scale the weights down.");
    if (equals_own_transpose(graph)) {
        view_ = graph;
        return;
    }
    const Graph<W> transposed = reversed(graph, threads);  // with rising rows, which the caller's need not have
    in_strengths_ = row_sums(transposed.view(), threads);
    symmetrized_ = mean_with_reversed(transposed.view(), threads);
    view_ = std::get<Graph<W>>(symmetrized_).view();
}

template AffinityGraph::AffinityGraph(CsrView<const float, std::int32_t>, bool, Threads);
template AffinityGraph::AffinityGraph(CsrView<const float, std::int64_t>, bool, Threads);
template AffinityGraph::AffinityGraph(CsrView<const double, std::int32_t>, bool, Threads);
template AffinityGraph::AffinityGraph(CsrView<const double, std::int64_t>, bool, Threads);

}  // namespace cellweave
