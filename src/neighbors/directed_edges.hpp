#pragma once
#include <memory>
#include <span>
#include <vector>

#include "core/error.hpp"
#include "core/parallel.hpp"
#include "core/sort.hpp"
#include "core/views.hpp"
#include "sparse/graph.hpp"

namespace cellweave {

/// The directed edges of a kNN graph, with the same room for every cell. symmetrized() reads them as it does a
/// GraphView.
template <Real T>
class DirectedEdges {
public:
    using Weight = T;

    DirectedEdges(Size n, Size most_per_cell)
        : most_per_cell_(most_per_cell),
          counts_(static_cast<std::size_t>(n)),
          slots_(std::make_unique_for_overwrite<Edge[]>(static_cast<std::size_t>(n * most_per_cell))) {}

    Size n_vertices() const { return static_cast<Size>(counts_.size()); }
    Size begin(Size cell) const { return cell * most_per_cell_; }
    Size end(Size cell) const { return begin(cell) + counts_[static_cast<std::size_t>(cell)]; }
    Vertex neighbor(Size edge) const { return slots_[edge].to; }
    T weight(Size edge) const { return slots_[edge].weight; }

    void add(Size cell, Vertex to, T weight) {
        slots_[end(cell)] = {to, weight};
        ++counts_[static_cast<std::size_t>(cell)];
    }

    /// Sorts the edges of a cell by their other end, and adds up those to the same one.
    void tidy(Size cell) {
        Edge* const first = slots_.get() + begin(cell);
        Edge* const last = slots_.get() + end(cell);
        sort_few(std::span(first, last),
                 [](const Edge& a, const Edge& b) { return (a.to < b.to) | ((a.to == b.to) & (a.weight < b.weight)); });
        Edge* kept = first;
        for (const Edge* edge = first; edge != last; ++edge) {
            if (kept != first && (kept - 1)->to == edge->to) {
                (kept - 1)->weight += edge->weight;
            } else {
                *kept++ = *edge;
            }
        }
        counts_[static_cast<std::size_t>(cell)] = static_cast<std::int32_t>(kept - first);
    }

private:
    struct Edge {
        Vertex to;
        T weight;
    };

    Size most_per_cell_;
    std::vector<std::int32_t> counts_;
    std::unique_ptr<Edge[]> slots_;
};

/// Throws InvalidInput unless every index names a cell or, if `allow_none`, is -1.
inline void check_indices(DenseView<const std::int32_t> indices, bool allow_none, Threads threads) {
    const auto n = static_cast<std::int32_t>(indices.n_rows());
    const std::int32_t lowest = allow_none ? -1 : 0;
    const int bad = parallel_reduce(
        indices.n_rows(), Grain{4096}, threads,
        [&](Range range) {
            int found = 0;
            for (const Size i : range) {
                for (const std::int32_t to : indices.row(i)) found |= (to < lowest || to >= n) ? 1 : 0;
            }
            return found;
        },
        [](int& into, int&& next) { into |= next; });
    require(bad == 0, "knn indices: found one that names none of the " + std::to_string(n) + " cells");
}

}  // namespace cellweave
