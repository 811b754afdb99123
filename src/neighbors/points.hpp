#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "core/fetch.hpp"
#include "core/parallel.hpp"
#include "core/untouched.hpp"
#include "core/views.hpp"
#include "neighbors/metric.hpp"

namespace cellweave {

/// What the search subtracts and multiplies so that float32 suffices to sort the far from the near: the centre of the
/// references, and a power of two that brings the largest coordinate near 1. Neither changes who is near whom.
struct Frame {
    std::vector<double> center;  ///< n_dims; zeros where the metric fixes the origin (cosine, correlation).
    double scale = 1;
};

/// Cells as the scan sees them: float32 rows, centred and scaled (euclidean, manhattan) or of unit length (cosine,
/// correlation), and how long each is.
struct PreparedPoints {
    /// n x n_dims, row-major.
    UntouchedVector<float> rows;
    /// n: Euclidean length of each row, or the sum of its absolute values for manhattan.
    UntouchedVector<float> norms;
    Size n = 0;
    Size n_dims = 0;

    const float* row(Size point) const { return rows.data() + point * n_dims; }
};

/// Has `n` coordinates at `row` brought near.
template <Real T>
void fetch_row(const T* row, Size n) {
    constexpr Size line = 64 / static_cast<Size>(sizeof(T));
    for (Size k = 0; k < n; k += line) fetch(row + k);
}

/// Calls `body(k, row)` for the rows of `which`[0], `which`[1], ..., and meanwhile fetches those that come soon: they
/// lie anywhere in memory.
template <class Body>
void for_each_row(const PreparedPoints& points, std::span<const std::int32_t> which, Body&& body) {
    constexpr std::size_t ahead = 4;
    for (std::size_t k = 0; k < which.size(); ++k) {
        if (k + ahead < which.size()) fetch_row(points.row(which[k + ahead]), points.n_dims);
        body(static_cast<Size>(k), points.row(which[k]));
    }
}

/// The frame in which `references` are searched.
///
/// Cost: one read. Determinism: partial sums of fixed chunks, in order.
template <Real T>
Frame find_frame(DenseView<const T> references, Metric metric, Threads threads);

/// `points` in `frame`. Cost: one read, n x n_dims float32 written.
template <Real T>
PreparedPoints prepare(DenseView<const T> points, Metric metric, const Frame& frame, Threads threads);

/// Distances in double from the caller's own coordinates; what the scan found is ordered by these.
template <Real T>
class ExactDistance {
public:
    /// Cost for cosine and correlation: one read of both, 2 doubles a row.
    ExactDistance(DenseView<const T> queries, DenseView<const T> references, Metric metric, Threads threads);

    double operator()(Size query, Size reference) const;

    Size n_references() const { return references_.n_rows(); }

    /// Begins to bring `reference` into the cache: candidates lie anywhere in memory.
    void fetch(Size reference) const;

private:
    DenseView<const T> queries_;
    DenseView<const T> references_;
    Metric metric_;
    std::vector<double> query_means_, query_lengths_;
    std::vector<double> reference_means_, reference_lengths_;
};

}  // namespace cellweave
