#include "cluster/graph.hpp"

#include <cmath>
#include <limits>
#include <numeric>

#include "core/error.hpp"

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

/// A', every row with rising indices.
template <Real W>
Graph<W> transposed(GraphView<W> graph) {
    const Size n = graph.n_vertices();
    const auto n_entries = static_cast<std::size_t>(graph.n_entries());
    Graph<W> result{std::vector<Size>(static_cast<std::size_t>(n) + 1, 0), std::vector<Vertex>(n_entries),
                    std::vector<W>(n_entries)};
    for (Size entry = 0; entry < graph.n_entries(); ++entry)
        ++result.offsets[static_cast<std::size_t>(graph.neighbor(entry)) + 1];
    std::partial_sum(result.offsets.begin(), result.offsets.end(), result.offsets.begin());
    std::vector<Size> next(result.offsets.begin(), result.offsets.end() - 1);
    for (Size row = 0; row < n; ++row) {
        for (Size entry = graph.begin(row); entry < graph.end(row); ++entry) {
            const auto to = static_cast<std::size_t>(next[static_cast<std::size_t>(graph.neighbor(entry))]++);
            result.neighbors[to] = static_cast<Vertex>(row);
            result.weights[to] = graph.weights()[entry];
        }
    }
    return result;
}

/// (A + A') / 2, both given with rising indices. Entries of one place that come twice add up.
template <Real W>
Graph<W> mean_of(GraphView<W> a, GraphView<W> b) {
    Graph<W> result;
    result.offsets.reserve(static_cast<std::size_t>(a.n_vertices()) + 1);
    const auto most = static_cast<std::size_t>(a.n_entries() + b.n_entries());
    result.neighbors.reserve(most);
    result.weights.reserve(most);
    for (Size row = 0; row < a.n_vertices(); ++row) {
        Size ia = a.begin(row);
        Size ib = b.begin(row);
        while (ia < a.end(row) || ib < b.end(row)) {
            const bool a_is_next = ib == b.end(row) || (ia < a.end(row) && a.neighbor(ia) <= b.neighbor(ib));
            Vertex col = a_is_next ? a.neighbor(ia) : b.neighbor(ib);
            double sum = 0;
            for (; ia < a.end(row) && a.neighbor(ia) == col; ++ia) sum += a.weight(ia);
            for (; ib < b.end(row) && b.neighbor(ib) == col; ++ib) sum += b.weight(ib);
            result.neighbors.push_back(col);
            result.weights.push_back(static_cast<W>(sum / 2));
        }
        result.offsets.push_back(static_cast<Size>(result.neighbors.size()));
    }
    return result;
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
    const Graph<W> flipped = transposed(graph);
    in_strengths_ = row_sums(flipped.view(), threads);
    symmetrized_ = mean_of(transposed(flipped.view()).view(), flipped.view());
    view_ = std::get<Graph<W>>(symmetrized_).view();
}

template AffinityGraph::AffinityGraph(CsrView<const float, std::int32_t>, bool, Threads);
template AffinityGraph::AffinityGraph(CsrView<const float, std::int64_t>, bool, Threads);
template AffinityGraph::AffinityGraph(CsrView<const double, std::int32_t>, bool, Threads);
template AffinityGraph::AffinityGraph(CsrView<const double, std::int64_t>, bool, Threads);

}  // namespace cellweave
