#pragma once
#include "core/parallel.hpp"
#include "neighbors/kmeans.hpp"
#include "neighbors/metric.hpp"
#include "neighbors/points.hpp"
#include "neighbors/scan.hpp"
#include "neighbors/spread.hpp"

namespace cellweave {

/// What a search by lists has prepared: the references, packed list by list, and the queries by the nearest centroid.
struct ListedPoints {
    const scan::PackedPoints& packed;
    const Clusters& references;
    const ListSpread& spread;
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

/// The Euclidean distance that a distance 1 by `metric` usually means.
float euclidean_unit(Metric metric, Size n_dims);

/// The reach that finds a share `recall` of the k nearest neighbours.
///
/// In many dimensions a neighbour lies only a little beyond a border, by how much depends on the data. It is measured
/// on up to 512 queries, drawn evenly from all lists, whose neighbours are found by looking at every reference.
///
/// Cost: 2 n_dims flops for each of those queries and each reference.
/// Determinism: the sample depends on the lists alone.
Reach find_reach(double recall, const ListedPoints& points, Metric metric, Size k, Threads threads);

}  // namespace cellweave
