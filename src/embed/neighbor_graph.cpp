#include "embed/neighbor_graph.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "core/error.hpp"

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

void sum_offsets(std::vector<Size>& offsets) {
    std::partial_sum(offsets.begin(), offsets.end(), offsets.begin());
}

void allocate_edges(NeighborGraph& graph) {
    sum_offsets(graph.offsets);
    graph.targets.resize(static_cast<std::size_t>(graph.offsets.back()));
    graph.weights.resize(static_cast<std::size_t>(graph.offsets.back()));
}

bool is_symmetric(const NeighborGraph& graph, Threads threads) {
    const auto has_mirror = [&](Size vertex, Size edge) {
        const auto target = static_cast<Size>(graph.targets[static_cast<std::size_t>(edge)]);
        const auto first = graph.targets.begin() + graph.begin(target);
        const auto last = graph.targets.begin() + graph.end(target);
        const auto mirror = std::lower_bound(first, last, static_cast<std::uint32_t>(vertex));
        if (mirror == last || *mirror != static_cast<std::uint32_t>(vertex)) return false;
        const float back = graph.weights[static_cast<std::size_t>(mirror - graph.targets.begin())];
        return std::abs(back - graph.weights[static_cast<std::size_t>(edge)]) <= symmetry_tolerance;
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

NeighborGraph transposed(const NeighborGraph& graph) {
    NeighborGraph result;
    result.offsets.assign(graph.offsets.size(), 0);
    for (const std::uint32_t target : graph.targets) ++result.offsets[target + 1];
    allocate_edges(result);
    std::vector<Size> next(result.offsets.begin(), result.offsets.end() - 1);
    for (Size vertex = 0; vertex < graph.n_vertices(); ++vertex) {
        for (Size edge = graph.begin(vertex); edge < graph.end(vertex); ++edge) {
            const auto slot = static_cast<std::size_t>(next[graph.targets[static_cast<std::size_t>(edge)]]++);
            result.targets[slot] = static_cast<std::uint32_t>(vertex);
            result.weights[slot] = graph.weights[static_cast<std::size_t>(edge)];
        }
    }
    return result;
}

/// (graph + transposed) / 2.
NeighborGraph symmetrized(const NeighborGraph& graph) {
    const NeighborGraph mirror = transposed(graph);
    NeighborGraph result;
    result.offsets.assign(1, 0);
    const auto append = [&](std::uint32_t target, float weight) {
        result.targets.push_back(target);
        result.weights.push_back(weight);
    };
    for (Size vertex = 0; vertex < graph.n_vertices(); ++vertex) {
        auto one = static_cast<std::size_t>(graph.begin(vertex));
        auto other = static_cast<std::size_t>(mirror.begin(vertex));
        const auto one_end = static_cast<std::size_t>(graph.end(vertex));
        const auto other_end = static_cast<std::size_t>(mirror.end(vertex));
        while (one < one_end || other < other_end) {
            const bool take_one = other == other_end || (one < one_end && graph.targets[one] <= mirror.targets[other]);
            const bool take_other =
                one == one_end || (other < other_end && mirror.targets[other] <= graph.targets[one]);
            const std::uint32_t target = take_one ? graph.targets[one] : mirror.targets[other];
            float weight = 0;
            if (take_one) weight += 0.5F * graph.weights[one++];
            if (take_other) weight += 0.5F * mirror.weights[other++];
            append(target, weight);
        }
        result.offsets.push_back(static_cast<Size>(result.targets.size()));
    }
    return result;
}

}  // namespace

template <Real T, class I>
NeighborGraph make_neighbor_graph(CsrView<const T, I> connectivities, double min_relative_weight, Threads threads) {
    const Size n = connectivities.n_rows();
    require(n == connectivities.n_cols(), "connectivities: expected cells x cells, found " + std::to_string(n) + " x " +
                                              std::to_string(connectivities.n_cols()) + ".");
    require(n < std::numeric_limits<std::int32_t>::max(), "connectivities: more than 2^31 cells are not supported.");
    const T heaviest = checked_maximum(connectivities, threads);
    const T scale = heaviest > 0 ? 1 / heaviest : T{0};
    const auto least = std::max(static_cast<T>(min_relative_weight) * heaviest, std::numeric_limits<T>::min());

    NeighborGraph graph;
    graph.offsets.assign(static_cast<std::size_t>(n) + 1, 0);
    const auto each_kept = [&](Size row, auto&& take) {
        const auto line = connectivities.row(row);
        for (std::size_t k = 0; k < line.indices.size(); ++k) {
            if (line.values[k] >= least && line.indices[k] != static_cast<I>(row))
                take(line.indices[k], line.values[k]);
        }
    };
    parallel_for(n, vertices_per_chunk, threads, [&](Range rows) {
        for (const Size row : rows) each_kept(row, [&](I, T) { ++graph.offsets[static_cast<std::size_t>(row) + 1]; });
    });
    allocate_edges(graph);
    parallel_for(n, vertices_per_chunk, threads, [&](Range rows) {
        for (const Size row : rows) {
            auto edge = static_cast<std::size_t>(graph.begin(row));
            each_kept(row, [&](I target, T weight) {
                graph.targets[edge] = static_cast<std::uint32_t>(target);
                graph.weights[edge++] = static_cast<float>(weight * scale);
            });
        }
    });
    return is_symmetric(graph, threads) ? graph : symmetrized(graph);
}

Components connected_components(const NeighborGraph& graph) {
    constexpr auto unseen = std::numeric_limits<std::uint32_t>::max();
    const auto n = static_cast<std::size_t>(graph.n_vertices());
    std::vector<std::uint32_t> label(n, unseen);
    std::vector<std::uint32_t> waiting;
    std::vector<Size> sizes;
    for (std::size_t start = 0; start < n; ++start) {
        if (label[start] != unseen) continue;
        const auto component = static_cast<std::uint32_t>(sizes.size());
        sizes.push_back(0);
        label[start] = component;
        waiting.push_back(static_cast<std::uint32_t>(start));
        while (!waiting.empty()) {
            const auto vertex = static_cast<Size>(waiting.back());
            waiting.pop_back();
            ++sizes.back();
            for (Size edge = graph.begin(vertex); edge < graph.end(vertex); ++edge) {
                const std::uint32_t target = graph.targets[static_cast<std::size_t>(edge)];
                if (label[target] != unseen) continue;
                label[target] = component;
                waiting.push_back(target);
            }
        }
    }

    std::vector<std::uint32_t> by_size(sizes.size());
    std::iota(by_size.begin(), by_size.end(), 0U);
    std::stable_sort(by_size.begin(), by_size.end(), [&](auto one, auto other) { return sizes[one] > sizes[other]; });
    Components result;
    std::vector<Size> next(sizes.size());
    for (const std::uint32_t component : by_size) {
        next[component] = result.offsets.back();
        result.offsets.push_back(result.offsets.back() + sizes[component]);
    }
    result.members.resize(n);
    for (std::size_t vertex = 0; vertex < n; ++vertex) {
        result.members[static_cast<std::size_t>(next[label[vertex]]++)] = static_cast<std::uint32_t>(vertex);
    }
    return result;
}

template NeighborGraph make_neighbor_graph<float, std::int32_t>(CsrView<const float, std::int32_t>, double, Threads);
template NeighborGraph make_neighbor_graph<float, std::int64_t>(CsrView<const float, std::int64_t>, double, Threads);
template NeighborGraph make_neighbor_graph<double, std::int32_t>(CsrView<const double, std::int32_t>, double, Threads);
template NeighborGraph make_neighbor_graph<double, std::int64_t>(CsrView<const double, std::int64_t>, double, Threads);

}  // namespace cellweave
