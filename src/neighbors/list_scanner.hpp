#pragma once
#include <span>

#include "neighbors/candidates.hpp"
#include "neighbors/kmeans.hpp"
#include "neighbors/points.hpp"
#include "neighbors/scan.hpp"

namespace cellweave {

/// Compares queries with the references of one list after another.
class ListScanner {
public:
    virtual ~ListScanner() = default;

    /// Begins the candidates of a query of length `norm`.
    virtual void start(CandidateList& found, Size k, float norm) const = 0;

    /// Offers every reference of `list` to the candidates of each query.
    ///
    /// @param queries  prepared rows.
    virtual void scan(Size list, std::span<const float* const> queries,
                      std::span<CandidateList* const> found) const = 0;
};

/// Scores in float32: no neighbour is missed.
class FloatLists : public ListScanner {
public:
    FloatLists(const PreparedPoints& points, Metric metric, const Clusters& lists, Threads threads)
        : packed_(points, metric, lists.order, lists.starts, threads),
          metric_(metric),
          margin_(metric, points.n_dims) {}

    void start(CandidateList& found, Size k, float norm) const override { found.start(k, norm, margin_); }

    void scan(Size list, std::span<const float* const> queries, std::span<CandidateList* const> found) const override {
        scan::scan_panels<CandidateList>(packed_, metric_, packed_.first_panel(list), packed_.first_panel(list + 1),
                                         queries, found);
    }

private:
    scan::PackedPoints packed_;
    Metric metric_;
    ScoreMargin margin_;
};

}  // namespace cellweave
