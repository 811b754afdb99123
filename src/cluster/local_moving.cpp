#include "cluster/local_moving.hpp"

#include <algorithm>
#include <cstdint>

#include "cluster/neighbor_weights.hpp"
#include "core/monitor.hpp"

namespace cellweave {

namespace {

// About 0.02 ms of work. A batch follows the other so soon that the threads are still awake.
constexpr Grain candidates_per_chunk{64};
constexpr Vertex stay = -1;
constexpr Vertex new_community = -2;

/// Small enough that few vertices of a batch are neighbours, large enough to share among threads.
Size batch_size(Size n_vertices) {
    return std::clamp<Size>(n_vertices / 128, 8, 8192);
}

std::size_t at(Vertex vertex) {
    return static_cast<std::size_t>(vertex);
}

/// What a vertex wishes, judged before its batch began.
struct Wish {
    Vertex target = stay;
    double weight_to_target = 0;
    double weight_to_own = 0;
};

/// First in, first out; no vertex is in it twice, so a ring of n places suffices.
class Queue {
public:
    explicit Queue(std::span<const Vertex> order) : ring_(order.begin(), order.end()), length_(ring_.size()) {}

    bool empty() const { return length_ == 0; }
    void push(Vertex vertex) {
        std::size_t last = first_ + length_++;
        if (last >= ring_.size()) last -= ring_.size();
        ring_[last] = vertex;
    }
    void take(Size n, std::vector<Vertex>& batch) {
        batch.resize(std::min(static_cast<std::size_t>(n), length_));
        for (Vertex& vertex : batch) {
            vertex = ring_[first_];
            if (++first_ == ring_.size()) first_ = 0;
        }
        length_ -= batch.size();
    }

private:
    std::vector<Vertex> ring_;
    std::size_t first_ = 0;
    std::size_t length_;
};

enum class State : std::uint8_t { idle, queued, in_batch };

template <Real W, Mass M>
class LocalMoving {
public:
    LocalMoving(const Objective<W, M>& objective, std::span<const Vertex> order, Partition<M>& partition)
        : objective_(objective),
          graph_(objective.graph),
          partition_(partition),
          queue_(order),
          states_(order.size(), State::queued) {
        for (std::size_t community = partition.size.size(); community-- > 0;) {
            if (partition.size[community] == 0) empty_.push_back(static_cast<Vertex>(community));
        }
    }

    double run(Threads threads) {
        const Size n_batch = batch_size(graph_.n_vertices());
        std::vector<Vertex> batch;
        std::vector<Wish> wishes;
        while (!queue_.empty()) {
            queue_.take(n_batch, batch);
            wishes.resize(batch.size());
            parallel_for(static_cast<Size>(batch.size()), candidates_per_chunk, threads, [&](Range range) {
                NeighborWeights attachments;
                each_fetching_edges(graph_, batch, range, [&](Size k) {
                    const auto i = static_cast<std::size_t>(k);
                    states_[at(batch[i])] = State::in_batch;
                    wishes[i] = wish_of(batch[i], attachments);
                });
            });
            for (std::size_t i = 0; i < batch.size(); ++i) grant(batch[i], wishes[i]);
        }
        return gain_;
    }

private:
    /// Whether no other community can draw the vertex more than its own does, not even with all the weight that leaves
    /// its own. Most visits after the first few end here, and it takes no table.
    bool is_settled(Vertex vertex) const {
        const Vertex own = partition_.community[at(vertex)];
        if (partition_.size[at(own)] < graph_.degree(vertex)) return false;  // still growing: hardly ever settled
        double inside = 0;
        double total = 0;
        graph_.for_each_edge(vertex, [&](Vertex neighbor, double weight) {
            total += weight;
            inside += static_cast<double>(partition_.community[at(neighbor)] == own && neighbor != vertex) * weight;
        });
        const M& mass = objective_.mass(vertex);
        return objective_.attachment(inside, mass, partition_.mass[at(own)] - mass) >= total - inside;
    }

    Wish wish_of(Vertex vertex, NeighborWeights& weights) const {
        if (is_settled(vertex)) return {};
        weights.clear();
        graph_.for_each_edge(vertex, [&](Vertex neighbor, double weight) {
            if (neighbor != vertex) weights.add(partition_.community[at(neighbor)], weight);
        });
        const Vertex own = partition_.community[at(vertex)];
        const M& mass = objective_.mass(vertex);
        Wish wish;
        wish.weight_to_own = weights.of(own);
        const double attachment_to_own =
            objective_.attachment(wish.weight_to_own, mass, partition_.mass[at(own)] - mass);
        double best = attachment_to_own + objective_.tolerance;
        if (0 > best && partition_.size[at(own)] > 1) {
            best = 0;
            wish.target = new_community;
        }
        for (std::size_t k = 0; k < weights.size(); ++k) {
            const auto [community, weight] = weights[k];
            if (community == own) continue;
            const double attachment = objective_.attachment(weight, mass, partition_.mass[at(community)]);
            if (attachment < best || (attachment == best && community > wish.target)) continue;
            best = attachment;
            wish.target = community;
            wish.weight_to_target = weight;
        }
        return wish;
    }

    void grant(Vertex vertex, const Wish& wish) {
        State& state = states_[at(vertex)];
        if (state == State::queued) return;  // a neighbour moved since: the weights are out of date
        state = State::idle;
        if (wish.target == stay) return;
        const Vertex own = partition_.community[at(vertex)];
        const M& mass = objective_.mass(vertex);
        const double attachment_to_own =
            objective_.attachment(wish.weight_to_own, mass, partition_.mass[at(own)] - mass);
        const double attachment =
            wish.target == new_community
                ? 0.0
                : objective_.attachment(wish.weight_to_target, mass, partition_.mass[at(wish.target)]);
        if (attachment <= attachment_to_own + objective_.tolerance) {
            enqueue(vertex);
            return;
        }
        gain_ += attachment - attachment_to_own;
        move(vertex, own, wish.target == new_community ? take_empty() : wish.target);
    }

    void move(Vertex vertex, Vertex from, Vertex to) {
        const M& mass = objective_.mass(vertex);
        partition_.community[at(vertex)] = to;
        partition_.mass[at(from)] -= mass;
        partition_.mass[at(to)] += mass;
        ++partition_.size[at(to)];
        if (--partition_.size[at(from)] == 0) {
            partition_.mass[at(from)] = M{};
            empty_.push_back(from);
        }
        graph_.for_each_edge(vertex, [&](Vertex neighbor, double) {
            const State state = states_[at(neighbor)];
            if (state == State::queued || neighbor == vertex) return;
            // Those already there are only drawn closer, unless they are about to be judged by what they saw before.
            if (state == State::idle && partition_.community[at(neighbor)] == to) return;
            enqueue(neighbor);
        });
    }

    void enqueue(Vertex vertex) {
        states_[at(vertex)] = State::queued;
        queue_.push(vertex);
    }

    Vertex take_empty() {
        const Vertex community = empty_.back();
        empty_.pop_back();
        return community;
    }

    const Objective<W, M>& objective_;
    const GraphView<W> graph_;
    Partition<M>& partition_;
    Queue queue_;
    std::vector<State> states_;
    std::vector<Vertex> empty_;
    double gain_ = 0;
};

}  // namespace

template <Real W, Mass M>
double move_vertices(const Objective<W, M>& objective, std::span<const Vertex> order, Partition<M>& partition,
                     Threads threads) {
    return LocalMoving<W, M>(objective, order, partition).run(threads);
}

template double move_vertices(const Objective<float, double>&, std::span<const Vertex>, Partition<double>&, Threads);
template double move_vertices(const Objective<double, double>&, std::span<const Vertex>, Partition<double>&, Threads);
template double move_vertices(const Objective<float, Flow>&, std::span<const Vertex>, Partition<Flow>&, Threads);
template double move_vertices(const Objective<double, Flow>&, std::span<const Vertex>, Partition<Flow>&, Threads);

}  // namespace cellweave
