#pragma once
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "neighbors/candidates.hpp"
#include "neighbors/kmeans.hpp"
#include "neighbors/list_scanner.hpp"
#include "neighbors/metric.hpp"
#include "neighbors/points.hpp"
#include "neighbors/spread.hpp"
#include "neighbors/surroundings.hpp"

namespace cellweave {

/// What a search by lists has prepared: references and queries by the nearest centroid.
struct ListedPoints {
    const ListScanner& scanner;    ///< Of the references.
    const PreparedPoints& points;  ///< The references,
    const Clusters& references;    ///< by list.
    const ListSpread& spread;
    const Surroundings& surroundings;
    const PreparedPoints& asked;
    const Clusters& queries;
    bool is_self;  ///< The queries are the references.
};

/// How far a search by lists looks. Of the lists whose region begins within `borders` times the distance R to the
/// query's k-th neighbour so far, it takes those that may well hold a point within R: the mean squared distance to
/// their points less `deviations` of these squares' standard deviations is below R^2.
struct Reach {
    float borders;
    float deviations;
};

/// No region begins farther away than a point in it. (A little more than 1, for rounding.)
inline constexpr Reach everything{1.01F, std::numeric_limits<float>::infinity()};

/// The Euclidean distance that a distance 1 by `metric` usually means.
float euclidean_unit(Metric metric, Size n_dims);

/// Looks for the nearest references of queries that share a list, in that list and in those around it.
class ListSearch {
public:
    ListSearch(const ListedPoints& points, Metric metric, const Reach& reach, Size k);

    /// Candidates of some queries of `list`, in their order.
    std::vector<CandidateList> run(Size list, std::span<const std::int32_t> queries) const;

private:
    using Row = Eigen::Array<float, 1, Eigen::Dynamic>;

    /// The queries and what is known of their neighbours so far.
    struct Asking;

    Asking start(Size list, std::span<const std::int32_t> queries) const;

    /// Scans `list` for the queries whose k-th neighbour so far is farther than `least_radii`, and draws it in.
    void search_list(Size list, const Row& least_radii, const Eigen::Ref<const Row>& to_centroid, Asking& asking) const;

    /// How far the k-th neighbour so far of a query must be for a list to be worth a search, `row` of the squared
    /// distances. The region of list b begins (|q - b|^2 - |q - a|^2) / (2 |a - b|) away from a query in that of a.
    ///
    /// @param apart  |a - b|.
    /// @param own    |q - a|^2 of every query.
    Row radii_to_search(float apart, const SquaredDistances& squared, Size row, const Row& own) const;

    const ListedPoints& points_;
    Reach reach_;
    Size k_;
    float euclidean_unit_;
};

}  // namespace cellweave
