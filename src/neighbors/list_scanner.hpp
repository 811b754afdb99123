#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/views.hpp"
#include "neighbors/candidates.hpp"
#include "neighbors/kmeans.hpp"
#include "neighbors/points.hpp"
#include "neighbors/scan.hpp"

namespace cellweave {

/// Queries of one list.
struct ListQueries {
    const PreparedPoints& asked;
    std::span<const std::int32_t> queries;  ///< Rows of `asked`.
    Size list;
    DenseView<const float> from_centroid;  ///< These rows less the centroid of the list.
};

/// Compares queries of one list with the references of one list after another.
class ListScan {
public:
    virtual ~ListScan() = default;

    /// Offers every reference of `list` to the candidates of some of the queries.
    ///
    /// @param which        their places among the queries.
    /// @param to_centroid  of each query the squared distance to the centroid of `list`.
    virtual void offer(Size list, std::span<const std::int32_t> which, std::span<const float> to_centroid) = 0;
};

/// References by list, in the form in which they are compared.
class ListScanner {
public:
    virtual ~ListScanner() = default;

    /// Begins the search for the k nearest references of some queries, and their candidates.
    ///
    /// @param queries  outlive the scan, as does `found`.
    virtual std::unique_ptr<ListScan> begin(const ListQueries& queries, Size k,
                                            std::span<CandidateList> found) const = 0;
};

/// Scores in float32: no neighbour is missed.
class FloatLists : public ListScanner {
public:
    FloatLists(const PreparedPoints& points, Metric metric, const Clusters& lists, Threads threads);

    std::unique_ptr<ListScan> begin(const ListQueries& queries, Size k, std::span<CandidateList> found) const override;

private:
    class Scan;

    scan::PackedPoints packed_;
    Metric metric_;
    ScoreMargin margin_;
};

}  // namespace cellweave
