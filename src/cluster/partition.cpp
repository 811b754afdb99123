#include "cluster/partition.hpp"

#include <algorithm>
#include <numeric>

namespace cellweave {

namespace {
std::size_t at(Vertex vertex) {
    return static_cast<std::size_t>(vertex);
}
}  // namespace

template <Mass M>
Partition<M>::Partition(std::vector<Vertex> communities, std::span<const M> masses)
    : community(std::move(communities)), mass(masses.size()), size(masses.size()) {
    for (std::size_t vertex = 0; vertex < masses.size(); ++vertex) {
        mass[at(community[vertex])] += masses[vertex];
        ++size[at(community[vertex])];
    }
}

template struct Partition<double>;
template struct Partition<Flow>;

Members members_of(std::span<const Vertex> communities, Size n_communities, std::span<const Vertex> order) {
    Members members{std::vector<Vertex>(order.size()),
                    std::vector<Size>(static_cast<std::size_t>(n_communities) + 1, 0)};
    for (const Vertex community : communities) ++members.offsets[at(community) + 1];
    std::partial_sum(members.offsets.begin(), members.offsets.end(), members.offsets.begin());
    std::vector<Size> next(members.offsets.begin(), members.offsets.end() - 1);
    for (const Vertex vertex : order)
        members.vertices[static_cast<std::size_t>(next[at(communities[at(vertex)])]++)] = vertex;
    return members;
}

std::vector<Vertex> identity(Size n) {
    std::vector<Vertex> numbers(static_cast<std::size_t>(n));
    std::iota(numbers.begin(), numbers.end(), 0);
    return numbers;
}

std::vector<Vertex> random_order(Size n, const Random& random) {
    std::vector<Vertex> order = identity(n);
    for (std::size_t k = order.size(); k > 1; --k) {
        std::swap(order[k - 1], order[random.below(k, static_cast<std::uint32_t>(k))]);
    }
    return order;
}

Size number_compactly(std::vector<Vertex>& communities) {
    std::vector<Vertex> numbers(communities.size(), 0);
    for (const Vertex community : communities) numbers[at(community)] = 1;
    Vertex n_communities = 0;
    for (Vertex& number : numbers) number = number == 1 ? n_communities++ : -1;
    for (Vertex& community : communities) community = numbers[at(community)];
    return n_communities;
}

Size number_by_size(std::vector<Vertex>& communities) {
    const auto n_communities = static_cast<std::size_t>(number_compactly(communities));
    std::vector<Size> sizes(n_communities, 0);
    std::vector<std::size_t> lowest(n_communities, communities.size());
    for (std::size_t vertex = 0; vertex < communities.size(); ++vertex) {
        const std::size_t community = at(communities[vertex]);
        ++sizes[community];
        lowest[community] = std::min(lowest[community], vertex);
    }
    std::vector<Vertex> by_rank = identity(static_cast<Size>(n_communities));
    std::sort(by_rank.begin(), by_rank.end(), [&](Vertex a, Vertex b) {
        return sizes[at(a)] != sizes[at(b)] ? sizes[at(a)] > sizes[at(b)] : lowest[at(a)] < lowest[at(b)];
    });
    std::vector<Vertex> rank(n_communities);
    for (std::size_t k = 0; k < n_communities; ++k) rank[at(by_rank[k])] = static_cast<Vertex>(k);
    for (Vertex& community : communities) community = rank[at(community)];
    return static_cast<Size>(n_communities);
}

template <Real W>
void split_into_connected(GraphView<W> graph, std::vector<Vertex>& communities) {
    constexpr Vertex unseen = -1;
    std::vector<Vertex> part(communities.size(), unseen);
    std::vector<Vertex> reached;
    for (Vertex start = 0; start < graph.n_vertices(); ++start) {
        if (part[at(start)] != unseen) continue;
        part[at(start)] = start;
        reached.assign(1, start);
        while (!reached.empty()) {
            const Vertex vertex = reached.back();
            reached.pop_back();
            graph.for_each_edge(vertex, [&](Vertex neighbor, double weight) {
                if (weight == 0 || part[at(neighbor)] != unseen || communities[at(neighbor)] != communities[at(start)])
                    return;
                part[at(neighbor)] = start;
                reached.push_back(neighbor);
            });
        }
    }
    communities = std::move(part);
}

template void split_into_connected(GraphView<float>, std::vector<Vertex>&);
template void split_into_connected(GraphView<double>, std::vector<Vertex>&);

}  // namespace cellweave
