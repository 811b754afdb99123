#include "cluster/leiden.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "cluster/aggregation.hpp"
#include "cluster/local_moving.hpp"
#include "cluster/partition.hpp"
#include "cluster/refinement.hpp"
#include "core/error.hpp"
#include "core/monitor.hpp"

namespace cellweave {

namespace {

constexpr Grain vertices_per_chunk{1 << 16};

/// Each use of random numbers has a stream of its own.
class RandomStreams {
public:
    RandomStreams(std::uint64_t seed, Size start) : seed_(seed), stream_(static_cast<std::uint64_t>(start) << 32) {}
    Random next() { return {seed_, stream_++}; }

private:
    std::uint64_t seed_;
    std::uint64_t stream_;
};

enum class Method { leiden, louvain };

/// Runs of local moving, refinement and aggregation, up and up until no vertex is left to merge.
template <Mass M>
class Optimizer {
public:
    Optimizer(Method method, const CommunityOptions& options, std::vector<Vertex> start, RandomStreams random,
              Threads threads)
        : method_(method), options_(options), threads_(threads), random_(random), communities_(std::move(start)) {}

    /// One run over all levels. Returns the gain in quality.
    template <Real W>
    double iterate(const Objective<W, M>& cells) {
        gain_ = 0;
        stands_in_.clear();
        Partition<M> partition(communities_, cells.masses);
        auto coarse = climb(cells, partition);
        while (coarse)
            coarse = climb(Objective<double, M>{coarse->graph.view(), coarse->masses, cells.penalty, cells.tolerance},
                           partition);

        parallel_for(static_cast<Size>(communities_.size()), vertices_per_chunk, threads_, [&](Range range) {
            for (const Size k : range) {
                const auto cell = static_cast<std::size_t>(k);
                communities_[cell] =
                    partition.community[static_cast<std::size_t>(stands_in_.empty() ? k : stands_in_[cell])];
            }
        });
        if (is_unfinished_) split_into_connected(cells.graph, communities_);
        return gain_;
    }

    std::vector<Vertex>& communities() { return communities_; }

private:
    /// Optimises one level. The coarser one, with `partition` carried over; nothing when there is none.
    template <Real W>
    std::optional<CoarseLevel<M>> climb(const Objective<W, M>& level, Partition<M>& partition) {
        const Size n = level.graph.n_vertices();
        const std::vector<Vertex> order = random_order(n, random_.next());
        gain_ += move_vertices(level, order, partition, threads_);
        is_unfinished_ = false;
        if (std::none_of(partition.size.begin(), partition.size.end(), [](Vertex size) { return size > 1; })) return {};

        const Size n_communities = number_compactly(partition.community);
        partition = Partition<M>(std::move(partition.community), level.masses);
        std::vector<Vertex> group = partition.community;
        if (method_ == Method::leiden) {
            const Members members = members_of(partition.community, n_communities, order);
            group = refine(level, partition, members, options_.randomness, random_.next(), threads_);
        }
        const Size n_groups = number_compactly(group);
        if (n_groups == n) {
            is_unfinished_ = method_ == Method::leiden;
            return {};
        }
        CoarseLevel<M> coarse = aggregate(level, group, n_groups, threads_);
        std::vector<Vertex> community_of_group(static_cast<std::size_t>(n_groups));
        for (std::size_t vertex = 0; vertex < group.size(); ++vertex) {
            community_of_group[static_cast<std::size_t>(group[vertex])] = partition.community[vertex];
        }
        partition = Partition<M>(std::move(community_of_group), coarse.masses);
        follow(std::move(group));
        return coarse;
    }

    /// Keeps track of the vertex of the present level that every cell is part of.
    void follow(std::vector<Vertex> group) {
        if (stands_in_.empty()) {
            stands_in_ = std::move(group);
            return;
        }
        parallel_for(static_cast<Size>(stands_in_.size()), vertices_per_chunk, threads_, [&](Range range) {
            for (const Size k : range) {
                Vertex& vertex = stands_in_[static_cast<std::size_t>(k)];
                vertex = group[static_cast<std::size_t>(vertex)];
            }
        });
    }

    const Method method_;
    const CommunityOptions& options_;
    const Threads threads_;
    RandomStreams random_;
    std::vector<Vertex> communities_;
    std::vector<Vertex> stands_in_;
    double gain_ = 0;
    bool is_unfinished_ = false;
};

/// The penalty that turns the resolution into units of Objective.
double penalty_of(const AffinityGraph& graph, const CommunityOptions& options) {
    const auto n = static_cast<double>(graph.n_vertices());
    const double total = graph.total_weight();
    switch (options.quality) {
        case CommunityQuality::modularity:
            return total > 0 ? options.resolution / total : 0.0;
        case CommunityQuality::constant_potts:
            return options.resolution;
        case CommunityQuality::density_potts:
            return n > 1 ? options.resolution * total / (n * (n - 1)) : 0.0;
    }
    return 0.0;
}

Size count_starts(const CommunityOptions& options, Size n_cells) {
    return options.n_starts ? std::max(*options.n_starts, 1) : std::clamp<Size>(30000 / n_cells, 1, 10);
}

/// The best of several starts, improved until nothing gains; or one start.
template <Mass M>
class Search {
public:
    Search(const AffinityGraph& graph, std::span<const M> masses, Method method, const CommunityOptions& options,
           Threads threads)
        : graph_(graph),
          masses_(masses),
          method_(method),
          options_(options),
          threads_(threads),
          n_starts_(count_starts(options, graph.n_vertices())),
          penalty_(penalty_of(graph, options)),
          tolerance_(1e-10 * graph.total_weight() / static_cast<double>(graph.n_vertices())) {}

    std::vector<Vertex> run(const std::vector<Vertex>& start) const {
        return graph_.visit([&](const auto& view) {
            const Objective objective{view, masses_, penalty_, tolerance_};
            Progress progress(method_ == Method::leiden ? "Leiden" : "Louvain",
                              n_starts_ * std::max(options_.n_iterations, 0));
            if (n_starts_ == 1) return improve(objective, start, 0, options_.n_iterations, progress);
            return improve(objective, best_of_starts(objective, start, progress), n_starts_, -1, progress);
        });
    }

private:
    template <Real W>
    std::vector<Vertex> best_of_starts(const Objective<W, M>& objective, const std::vector<Vertex>& start,
                                       Progress& progress) const {
        std::vector<std::vector<Vertex>> found(static_cast<std::size_t>(n_starts_));
        std::vector<double> qualities(found.size());
        parallel_for(n_starts_, Grain{1}, threads_, [&](Range starts) {
            for (const Size s : starts) {
                const auto k = static_cast<std::size_t>(s);
                found[k] = improve(objective, start, s, options_.n_iterations, progress);
                qualities[k] = quality(objective, found[k], threads_);
            }
        });
        const auto best = std::max_element(qualities.begin(), qualities.end()) - qualities.begin();
        return std::move(found[static_cast<std::size_t>(best)]);
    }

    /// Up to `n_iterations` iterations (negative: any number) from `start`, as long as they gain.
    template <Real W>
    std::vector<Vertex> improve(const Objective<W, M>& objective, std::vector<Vertex> start, Size stream,
                                int n_iterations, Progress& progress) const {
        Optimizer<M> optimizer(method_, options_, std::move(start), RandomStreams(options_.seed, stream), threads_);
        for (int iteration = 0; n_iterations < 0 || iteration < n_iterations; ++iteration) {
            const double gain = optimizer.iterate(objective);
            progress.advance();
            if (gain <= 0) break;
        }
        return std::move(optimizer.communities());
    }

    const AffinityGraph& graph_;
    const std::span<const M> masses_;
    const Method method_;
    const CommunityOptions& options_;
    const Threads threads_;
    const Size n_starts_;
    const double penalty_;
    const double tolerance_;
};

template <Mass M>
std::vector<Vertex> optimize(const AffinityGraph& graph, std::span<const M> masses, const std::vector<Vertex>& start,
                             Method method, const CommunityOptions& options, Threads threads) {
    std::vector<Vertex> communities = Search<M>(graph, masses, method, options, threads).run(start);
    number_by_size(communities);
    return communities;
}

void check(const AffinityGraph& graph, std::span<const Vertex> start, const CommunityOptions& options) {
    require(std::isfinite(options.resolution) && options.resolution > 0,
            "resolution must be a number above 0, found " + std::to_string(options.resolution) + ".");
    require(std::isfinite(options.randomness) && options.randomness >= 0,
            "randomness (beta) must be a number of at least 0, found " + std::to_string(options.randomness) + ".");
    if (start.empty()) return;
    const auto n = static_cast<std::size_t>(graph.n_vertices());
    require(start.size() == n, "initial_membership has " + std::to_string(start.size()) +
                                   " entries, expected one for each of the " + std::to_string(n) + " cells.");
    for (const Vertex community : start) {
        require(community >= 0 && static_cast<std::size_t>(community) < n, [&] {
            return "initial_membership: " + std::to_string(community) + " lies outside 0 to " + std::to_string(n - 1) +
                   ".";
        });
    }
}

std::vector<Vertex> cluster(const AffinityGraph& graph, std::span<const Vertex> start, Method method,
                            const CommunityOptions& options, Threads threads) {
    check(graph, start, options);
    const auto n = static_cast<std::size_t>(graph.n_vertices());
    if (n == 0) return {};
    std::vector<Vertex> first =
        start.empty() ? identity(graph.n_vertices()) : std::vector<Vertex>(start.begin(), start.end());

    if (options.quality != CommunityQuality::modularity) {
        const std::vector<double> cells(n, 1.0);
        return optimize<double>(graph, cells, first, method, options, threads);
    }
    if (graph.is_symmetric()) return optimize<double>(graph, graph.out_strengths(), first, method, options, threads);

    std::vector<Flow> flows(n);
    for (std::size_t cell = 0; cell < n; ++cell)
        flows[cell] = {graph.out_strengths()[cell], graph.in_strengths()[cell]};
    if (options.directed) return optimize<Flow>(graph, flows, first, method, options, threads);
    std::vector<double> strengths(n);
    for (std::size_t cell = 0; cell < n; ++cell) strengths[cell] = 0.5 * (flows[cell].out + flows[cell].in);
    return optimize<double>(graph, strengths, first, method, options, threads);
}

}  // namespace

std::vector<Vertex> leiden(const AffinityGraph& graph, std::span<const Vertex> start, const CommunityOptions& options,
                           Threads threads) {
    return cluster(graph, start, Method::leiden, options, threads);
}

std::vector<Vertex> louvain(const AffinityGraph& graph, std::span<const Vertex> start, const CommunityOptions& options,
                            Threads threads) {
    return cluster(graph, start, Method::louvain, options, threads);
}

}  // namespace cellweave
