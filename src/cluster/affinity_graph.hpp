#pragma once
#include <span>
#include <variant>
#include <vector>

#include "core/parallel.hpp"
#include "core/views.hpp"
#include "sparse/graph.hpp"

namespace cellweave {

/// What clustering reads of an adjacency matrix A (cells x cells): the undirected graph (A + A') / 2, and how much
/// weight leaves and enters every cell. A symmetric float matrix is read where it lies and must outlive this object.
class AffinityGraph {
public:
    /// @param use_weights  false: every stored non-zero counts as 1.
    ///
    /// Cost: some reads of the entries; for an asymmetric matrix two transpositions and a copy more, on one thread.
    /// @throws InvalidInput  A is not square or has over 2^31 - 1 cells; a weight is negative, infinite or NaN.
    template <Real T, class I>
    AffinityGraph(CsrView<const T, I> adjacency, bool use_weights, Threads threads);

    AffinityGraph(const AffinityGraph&) = delete;
    AffinityGraph& operator=(const AffinityGraph&) = delete;

    Size n_vertices() const { return static_cast<Size>(out_strengths_.size()); }
    /// Sum of all of A, which is twice the weight of the undirected edges.
    double total_weight() const { return total_weight_; }
    bool is_symmetric() const { return in_strengths_.empty(); }
    /// Row sums of A.
    std::span<const double> out_strengths() const { return out_strengths_; }
    /// Column sums of A.
    std::span<const double> in_strengths() const { return is_symmetric() ? out_strengths_ : in_strengths_; }

    /// Calls `body` with a GraphView of float or of double.
    template <class Body>
    auto visit(Body&& body) const {
        return std::visit(body, view_);
    }

private:
    template <Real W>
    void use(GraphView<W> graph, Threads threads);

    std::variant<GraphView<float>, GraphView<double>> view_;
    // Filled only where the caller's arrays can't be read as they are.
    std::vector<Size> offsets_;
    std::vector<Vertex> neighbors_;
    std::vector<float> units_;
    std::variant<Graph<float>, Graph<double>> symmetrized_;

    std::vector<double> out_strengths_;
    std::vector<double> in_strengths_;
    double total_weight_ = 0;
};

}  // namespace cellweave
