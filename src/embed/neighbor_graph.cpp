#include "embed/neighbor_graph.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "core/error.hpp"
#include "sparse/symmetrize.hpp"

namespace cellweave {

namespace {

constexpr Grain vertices_per_chunk{4096};
constexpr float symmetry_tolerance = 1e-4F;

/// The heaviest weight off the diagonal; checks the matrix on the way.
template <Real T, class I>
T checked_maximum(CsrView<const T, I> connectivities, Threads threads) {
    return parallel_reduce(
        connectivities.n_rows(), vertices_per_chunk, threads,
        [&](Range rows) {
            T heaviest = 0;
            for (const Size row : rows) {
                const auto line = connectivities.row(row);
                for (std::size_t k = 0; k < line.indices.size(); ++k) {
                    const T weight = line.values[k];
                    require(std::isfinite(weight) && weight >= 0, [&] {
                        return "connectivities: row " + std::to_string(row) + " holds " + std::to_string(weight) +
                               "; weights must be finite and not negative. Compute the neighbors again.";
                    });
                    require(k == 0 || line.indices[k - 1] < line.indices[k], [&] {
                        return "connectivities: row " + std::to_string(row) +
                               " is not in canonical format. Call sum_duplicates() on the matrix.";
                    });
                    if (line.indices[k] != static_cast<I>(row)) heaviest = std::max(heaviest, weight);
                }
            }
            return heaviest;
        },
        [](T& total, T&& part) { total = std::max(total, part); });
}

bool is_symmetric(GraphView<float> graph, Threads threads) {
    const auto has_mirror = [&](Size vertex, Size edge) {
        const Size target = graph.neighbor(edge);
        const auto candidates = graph.neighbors(target);
        const auto mirror = std::lower_bound(candidates.begin(), candidates.end(), static_cast<Vertex>(vertex));
        if (mirror == candidates.end() || *mirror != static_cast<Vertex>(vertex)) return false;
        const float back = graph.weight(graph.begin(target) + (mirror - candidates.begin()));
        return std::abs(back - graph.weight(edge)) <= symmetry_tolerance;
    };
    const int n_lonely = parallel_reduce(
        graph.n_vertices(), vertices_per_chunk, threads,
        [&](Range vertices) {
            for (const Size vertex : vertices) {
                for (Size edge = graph.begin(vertex); edge < graph.end(vertex); ++edge) {
                    if (!has_mirror(vertex, edge)) return 1;
                }
            }
            return 0;
        },
        [](int& total, int&& part) { total += part; });
    return n_lonely == 0;
}

}  // namespace

template <Real T, class I>
Graph<float> neighbor_graph(CsrView<const T, I> connectivities, double min_relative_weight, Threads threads) {
    const Size n = connectivities.n_rows();
    require(n == connectivities.n_cols(), "connectivities: expected cells x cells, found " + std::to_string(n) + " x " +
                                              std::to_string(connectivities.n_cols()) + ".");
    require(n < std::numeric_limits<std::int32_t>::max(), "connectivities: more than 2^31 cells are not supported.");
    const T heaviest = checked_maximum(connectivities, threads);
    const T scale = heaviest > 0 ? 1 / heaviest : T{0};
    const auto least = std::max(static_cast<T>(min_relative_weight) * heaviest, std::numeric_limits<T>::min());

    const auto each_kept = [&](Size row, auto&& take) {
        const auto line = connectivities.row(row);
        for (std::size_t k = 0; k < line.indices.size(); ++k) {
            if (line.values[k] < least || line.indices[k] == static_cast<I>(row)) continue;
            take(static_cast<Vertex>(line.indices[k]), static_cast<float>(line.values[k] * scale));
        }
    };
    Graph<float> graph = build_graph<float>(n, each_kept, threads);
    if (!is_symmetric(graph.view(), threads)) graph = mean_with_reversed(graph.view(), threads);
    return graph;
}

Components connected_components(GraphView<float> graph) {
    constexpr Vertex unseen = -1;
    const auto n = static_cast<std::size_t>(graph.n_vertices());
    std::vector<Vertex> label(n, unseen);
    std::vector<Vertex> waiting;
    std::vector<Size> sizes;
    for (std::size_t start = 0; start < n; ++start) {
        if (label[start] != unseen) continue;
        const auto component = static_cast<Vertex>(sizes.size());
        sizes.push_back(0);
        label[start] = component;
        waiting.push_back(static_cast<Vertex>(start));
        while (!waiting.empty()) {
            const Vertex vertex = waiting.back();
            waiting.pop_back();
            ++sizes.back();
            for (const Vertex neighbor : graph.neighbors(vertex)) {
                if (label[static_cast<std::size_t>(neighbor)] != unseen) continue;
                label[static_cast<std::size_t>(neighbor)] = component;
                waiting.push_back(neighbor);
            }
        }
    }

    std::vector<std::size_t> by_size(sizes.size());
    std::iota(by_size.begin(), by_size.end(), std::size_t{0});
    std::stable_sort(by_size.begin(), by_size.end(), [&](auto one, auto other) { return sizes[one] > sizes[other]; });
    Components result;
    std::vector<Size> next(sizes.size());
    for (const std::size_t component : by_size) {
        next[component] = result.offsets.back();
        result.offsets.push_back(result.offsets.back() + sizes[component]);
    }
    result.members.resize(n);
    for (std::size_t vertex = 0; vertex < n; ++vertex) {
        const auto slot = static_cast<std::size_t>(next[static_cast<std::size_t>(label[vertex])]++);
        result.members[slot] = static_cast<Vertex>(vertex);
    }
    return result;
}

template Graph<float> neighbor_graph<float, std::int32_t>(CsrView<const float, std::int32_t>, double, Threads);
template Graph<float> neighbor_graph<float, std::int64_t>(CsrView<const float, std::int64_t>, double, Threads);
template Graph<float> neighbor_graph<double, std::int32_t>(CsrView<const double, std::int32_t>, double, Threads);
template Graph<float> neighbor_graph<double, std::int64_t>(CsrView<const double, std::int64_t>, double, Threads);

}  // namespace cellweave
