#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "core/parallel.hpp"
#include "neighbors/byte_products.hpp"
#include "neighbors/list_scanner.hpp"
#include "neighbors/metric.hpp"

namespace cellweave {

/// References of lists rounded to a byte a coordinate, three times as quick to scan as float32 and a quarter as large
/// (the residuals of Jegou, Douze and Schmid 2011, by a scalar quantizer).
///
/// What is rounded is the difference from the list's centroid, each point by its own step, and so is what a query is
/// compared with: how accurate a score is depends on the list alone, not on points far away. A score is half the
/// squared distance of the prepared points, estimated.
///
/// Its error is a sum of as good as independent roundings, within four standard deviations in 9,999 cases of 10,000.
/// Candidates are kept that far beyond the k-th, for their exact distances to decide.
class ByteLists : public ListScanner {
public:
    /// Whether such lists can be made of points with so many coordinates, compared by `metric`.
    static bool take(Metric metric, Size n_dims);

    /// @param points  outlive this, as do the lists.
    ByteLists(const PreparedPoints& points, Metric metric, const Clusters& lists, Threads threads);

    void start(CandidateList& found, Size k, float norm) const override;

    void scan(Size list, std::span<const float* const> queries, std::span<CandidateList* const> found) const override;

private:
    /// Root mean squares over the references of a list.
    struct Typical {
        float step = 0;
        float length = 0;  ///< Distance from the centroid.
    };

    /// The queries of one scan.
    struct RoundedQueries;

    void round_references(const PreparedPoints& points, Metric metric, const Clusters& lists, Size list);

    /// Returns how far the query's scores with the references of `list` may err.
    float round_query(RoundedQueries& rounded, Size query, const float* row, Size list) const;

    /// Offers what some panels hold to the queries `first_query` to `end_query` of one group.
    void offer_panels(Size first_panel, Size n_panels, RoundedQueries& rounded, Size first_query, Size end_query,
                      std::span<CandidateList* const> found) const;

    const PreparedPoints& centroids_;
    Size n_dims_;
    bytes::Products products_;
    Size n_blocks_;
    ScoreMargin margin_;
    std::vector<Size> first_panel_;
    std::vector<Typical> typical_;
    // By panel and lane:
    std::vector<std::int8_t> codes_;
    std::vector<std::int32_t> starts_;  // what makes a product with a query's shifted bytes one with the query's own
    std::vector<float> biases_;         // half the squared distance from the centroid
    std::vector<float> steps_;
    std::vector<std::int32_t> ids_;
};

}  // namespace cellweave
