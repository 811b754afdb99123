#include "neighbors/points.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace cellweave {

namespace {

bool is_angular(Metric metric) {
    return metric == Metric::cosine || metric == Metric::correlation;
}

/// Sums term(0) ... term(n - 1) in eight interleaved partial sums, which the compiler may keep in vector registers.
template <class Term>
double sum_of(Size n, Term&& term) {
    std::array<double, 8> partial{};
    Size k = 0;
    for (; k + 8 <= n; k += 8) {
        for (Size lane = 0; lane < 8; ++lane) partial[static_cast<std::size_t>(lane)] += term(k + lane);
    }
    for (Size lane = 0; k < n; ++k, ++lane) partial[static_cast<std::size_t>(lane)] += term(k);
    return ((partial[0] + partial[4]) + (partial[1] + partial[5])) +
           ((partial[2] + partial[6]) + (partial[3] + partial[7]));
}

template <Real T>
double mean_of(const T* row, Size n) {
    return n == 0 ? 0.0 : sum_of(n, [&](Size k) { return static_cast<double>(row[k]); }) / static_cast<double>(n);
}

/// Length of `row` after `mean` is subtracted; 0 where what is left is rounding noise of a constant row.
template <Real T>
double length_of(const T* row, Size n, double mean) {
    const double squares = sum_of(n, [&](Size k) {
        const double x = static_cast<double>(row[k]) - mean;
        return x * x;
    });
    const double noise = 1e-14 * std::abs(mean) * std::sqrt(static_cast<double>(n));
    const double length = std::sqrt(squares);
    return length > noise ? length : 0.0;
}

template <Real T>
void find_shape(DenseView<const T> points, Metric metric, std::vector<double>& means, std::vector<double>& lengths,
                Threads threads) {
    means.assign(static_cast<std::size_t>(points.n_rows()), 0.0);
    lengths.resize(static_cast<std::size_t>(points.n_rows()));
    parallel_for(points.n_rows(), Grain{1024}, threads, [&](Range range) {
        for (const Size point : range) {
            const auto at = static_cast<std::size_t>(point);
            if (metric == Metric::correlation) means[at] = mean_of(points.row_data(point), points.n_cols());
            lengths[at] = length_of(points.row_data(point), points.n_cols(), means[at]);
        }
    });
}

struct Extent {
    std::vector<double> sums;
    double largest = 0;
};

/// Writes the unit vector of `row`, or zeros for a row that has no direction. Returns its length, 1 or 0.
template <Real T>
float write_direction(const T* row, Size n, Metric metric, float* out) {
    const double mean = metric == Metric::correlation ? mean_of(row, n) : 0.0;
    const double length = length_of(row, n, mean);
    if (length == 0) {
        std::fill(out, out + n, 0.0F);
        return 0;
    }
    for (Size k = 0; k < n; ++k) out[k] = static_cast<float>((static_cast<double>(row[k]) - mean) / length);
    return 1;
}

template <Real T>
float write_position(const T* row, Size n, Metric metric, const Frame& frame, float* out) {
    for (Size k = 0; k < n; ++k) {
        out[k] =
            static_cast<float>((static_cast<double>(row[k]) - frame.center[static_cast<std::size_t>(k)]) * frame.scale);
    }
    if (metric == Metric::manhattan) {
        return static_cast<float>(sum_of(n, [&](Size k) { return std::abs(static_cast<double>(out[k])); }));
    }
    return static_cast<float>(std::sqrt(sum_of(n, [&](Size k) { return static_cast<double>(out[k]) * out[k]; })));
}

}  // namespace

template <Real T>
Frame find_frame(DenseView<const T> references, Metric metric, Threads threads) {
    const auto n_dims = static_cast<std::size_t>(references.n_cols());
    Frame frame{std::vector<double>(n_dims, 0.0), 1.0};
    if (is_angular(metric) || references.n_rows() == 0) return frame;
    const auto extent = parallel_reduce(
        references.n_rows(), Grain::parts(references.n_rows(), 64), threads,
        [&](Range range) {
            Extent part{std::vector<double>(n_dims, 0.0), 0.0};
            for (const Size point : range) {
                const T* const row = references.row_data(point);
                for (std::size_t k = 0; k < n_dims; ++k) part.sums[k] += static_cast<double>(row[k]);
                for (std::size_t k = 0; k < n_dims; ++k)
                    part.largest = std::max(part.largest, std::abs(static_cast<double>(row[k])));
            }
            return part;
        },
        [&](Extent& into, Extent&& next) {
            for (std::size_t k = 0; k < n_dims; ++k) into.sums[k] += next.sums[k];
            into.largest = std::max(into.largest, next.largest);
        });
    for (std::size_t k = 0; k < n_dims; ++k)
        frame.center[k] = extent.sums[k] / static_cast<double>(references.n_rows());
    // A power of two scales without rounding; distances in float32 then neither overflow nor vanish.
    if (extent.largest > 0) frame.scale = std::exp2(-std::ceil(std::log2(extent.largest)));
    if (!std::isfinite(frame.scale)) frame.scale = 1.0;
    return frame;
}

template <Real T>
PreparedPoints prepare(DenseView<const T> points, Metric metric, const Frame& frame, Threads threads) {
    PreparedPoints prepared;
    prepared.n = points.n_rows();
    prepared.n_dims = points.n_cols();
    prepared.rows.resize(static_cast<std::size_t>(prepared.n * prepared.n_dims));
    prepared.norms.resize(static_cast<std::size_t>(prepared.n));
    parallel_for(prepared.n, Grain{1024}, threads, [&](Range range) {
        for (const Size point : range) {
            float* const out = prepared.rows.data() + point * prepared.n_dims;
            const T* const row = points.row_data(point);
            prepared.norms[static_cast<std::size_t>(point)] =
                is_angular(metric) ? write_direction(row, prepared.n_dims, metric, out)
                                   : write_position(row, prepared.n_dims, metric, frame, out);
        }
    });
    return prepared;
}

template <Real T>
ExactDistance<T>::ExactDistance(DenseView<const T> queries, DenseView<const T> references, Metric metric,
                                Threads threads)
    : queries_(queries), references_(references), metric_(metric) {
    if (!is_angular(metric)) return;
    find_shape(queries, metric, query_means_, query_lengths_, threads);
    find_shape(references, metric, reference_means_, reference_lengths_, threads);
}

template <Real T>
double ExactDistance<T>::operator()(Size query, Size reference) const {
    const T* const a = queries_.row_data(query);
    const T* const b = references_.row_data(reference);
    const Size n = queries_.n_cols();
    const auto difference = [&](Size k) { return static_cast<double>(a[k]) - static_cast<double>(b[k]); };
    if (metric_ == Metric::euclidean) {
        return std::sqrt(sum_of(n, [&](Size k) { return difference(k) * difference(k); }));
    }
    if (metric_ == Metric::manhattan) {
        return sum_of(n, [&](Size k) { return std::abs(difference(k)); });
    }
    const auto q = static_cast<std::size_t>(query);
    const auto r = static_cast<std::size_t>(reference);
    const double lengths = query_lengths_[q] * reference_lengths_[r];
    if (lengths == 0) return 1.0;
    const double product = sum_of(n, [&](Size k) {
        return (static_cast<double>(a[k]) - query_means_[q]) * (static_cast<double>(b[k]) - reference_means_[r]);
    });
    return std::clamp(1.0 - product / lengths, 0.0, 2.0);
}

template <Real T>
void ExactDistance<T>::fetch(Size reference) const {
    fetch_row(references_.row_data(reference), references_.n_cols());
}

#define CELLWEAVE_INSTANTIATE(T)                                                        \
    template Frame find_frame(DenseView<const T>, Metric, Threads);                     \
    template PreparedPoints prepare(DenseView<const T>, Metric, const Frame&, Threads); \
    template class ExactDistance<T>;
CELLWEAVE_INSTANTIATE(float)
CELLWEAVE_INSTANTIATE(double)
#undef CELLWEAVE_INSTANTIATE

}  // namespace cellweave
