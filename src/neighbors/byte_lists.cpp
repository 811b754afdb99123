#include "neighbors/byte_lists.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "neighbors/byte_products.hpp"

namespace cellweave {

namespace {

using Coordinates = Eigen::Map<const Eigen::ArrayXf>;

/// A query's bytes are its steps plus this.
constexpr int shift = 64;
constexpr int most_steps_of_query = bytes::largest_query - shift;

/// Standard deviations of a score's error within which candidates are kept.
constexpr float n_deviations = 4;

/// Variance of the error of rounding to whole steps.
constexpr float variance_of_rounding = 1.0F / 12;

/// Where reference `lane` of a panel, or query `lane` of a group, keeps its coordinate k.
constexpr Size place_of(Size lane, Size k, Size n_lanes) {
    return (k / bytes::block * n_lanes + lane) * bytes::block + k % bytes::block;
}

/// The step that reaches the largest of `coordinates` in `n_steps`, and how many steps a unit is; 0 and 0 for a point
/// where the centroid is.
struct Step {
    float size = 0;
    float per_unit = 0;

    Step(const Eigen::ArrayXf& coordinates, int n_steps) {
        const float largest = coordinates.size() == 0 ? 0.0F : coordinates.abs().maxCoeff();
        if (largest < std::numeric_limits<float>::min() * 1e3F) return;
        size = largest / static_cast<float>(n_steps);
        per_unit = static_cast<float>(n_steps) / largest;
    }
};

/// Writes a query's bytes, block by block, into those of its group.
void pack(const Eigen::ArrayXi& row, Size n_blocks, std::uint8_t* out) {
    for (Size k = 0; k < n_blocks * bytes::block; k += bytes::block) {
        const std::uint32_t packed =
            static_cast<std::uint32_t>(row[k] | row[k + 1] << 8 | row[k + 2] << 16 | row[k + 3] << 24);
        std::memcpy(out, &packed, bytes::block);
        out += bytes::group_size * bytes::block;
    }
}

}  // namespace

struct ByteLists::RoundedQueries {
    std::vector<std::uint8_t> codes;  ///< Group by group.
    std::vector<float> biases;        ///< Half the squared distances from the centroid.
    std::vector<float> steps;
    Eigen::ArrayXf residual;             // scratch of round_query(), zero beyond the coordinates
    Eigen::ArrayXi row;                  // the same
    std::vector<std::int32_t> products;  // scratch of offer_panels()
};

bool ByteLists::take(Metric metric, Size n_dims) {
    // A sum of that many products fits into 32 bits.
    return metric != Metric::manhattan && n_dims <= 65536;
}

ByteLists::ByteLists(const PreparedPoints& points, Metric metric, const Clusters& lists, Threads threads)
    : centroids_(lists.centroids),
      n_dims_(points.n_dims),
      products_(bytes::all_products().front()),
      n_blocks_(std::max<Size>(1, (points.n_dims + bytes::block - 1) / bytes::block)),
      margin_(Metric::euclidean, points.n_dims),
      first_panel_(scan::first_panels(lists.starts, bytes::panel_width)),
      typical_(static_cast<std::size_t>(lists.centroids.n)) {
    const auto n_slots = static_cast<std::size_t>(first_panel_.back() * bytes::panel_width);
    codes_.resize(static_cast<std::size_t>(first_panel_.back() * bytes::panel_bytes(n_blocks_)));
    starts_.resize(n_slots);
    // A lane without a reference keeps an infinite bias, which no threshold lets through.
    biases_.assign(n_slots, std::numeric_limits<float>::infinity());
    steps_.resize(n_slots);
    ids_.assign(n_slots, -1);
    parallel_for(lists.centroids.n, Grain{1}, threads, [&](Range range) {
        for (const Size list : range) round_references(points, metric, lists, list);
    });
}

void ByteLists::round_references(const PreparedPoints& points, Metric metric, const Clusters& lists, Size list) {
    const Coordinates centroid(centroids_.row(list), n_dims_);
    const auto members = lists.members(list);
    Eigen::ArrayXf residual(n_dims_);
    double steps = 0;
    double lengths = 0;
    for (std::size_t member = 0; member < members.size(); ++member) {
        const Size point = members[member];
        const auto slot =
            static_cast<std::size_t>(first_panel_[static_cast<std::size_t>(list)] * bytes::panel_width) + member;
        const auto panel = static_cast<Size>(slot) / bytes::panel_width;
        const auto lane = static_cast<Size>(slot) % bytes::panel_width;
        std::int8_t* const codes = codes_.data() + panel * bytes::panel_bytes(n_blocks_);
        residual = Coordinates(points.row(point), n_dims_) - centroid;
        const Step step(residual, bytes::largest_reference);
        std::int32_t sum = 0;
        for (Size k = 0; k < n_dims_; ++k) {
            constexpr int most = bytes::largest_reference;
            const int code = static_cast<int>(residual[k] * step.per_unit + (most + 0.5F)) - most;
            codes[place_of(lane, k, bytes::panel_width)] = static_cast<std::int8_t>(code);
            sum += code;
        }
        const float squares = residual.square().sum();
        starts_[slot] = -shift * sum;
        biases_[slot] = squares / 2;
        steps_[slot] = step.size;
        ids_[slot] = static_cast<std::int32_t>(point);
        if (metric != Metric::euclidean) {
            // A point without direction is as far from all others as unit vectors at right angles.
            biases_[slot] += (1 - points.norms[static_cast<std::size_t>(point)]) / 2;
        }
        steps += static_cast<double>(step.size) * step.size;
        lengths += static_cast<double>(squares);
    }
    const auto n = static_cast<double>(std::max<std::size_t>(1, members.size()));
    typical_[static_cast<std::size_t>(list)] = {static_cast<float>(std::sqrt(steps / n)),
                                                static_cast<float>(std::sqrt(lengths / n))};
}

void ByteLists::start(CandidateList& found, Size k, float) const {
    // Scores are half of squared distances, with nothing to add for the length of the query.
    found.start(k, 0, margin_);
}

float ByteLists::round_query(RoundedQueries& rounded, Size query, const float* row, Size list) const {
    Eigen::ArrayXf& residual = rounded.residual;
    residual.head(n_dims_) = Coordinates(row, n_dims_) - Coordinates(centroids_.row(list), n_dims_);
    const Step step(residual, most_steps_of_query);
    rounded.row = (residual * step.per_unit + (shift + 0.5F)).cast<std::int32_t>();
    std::uint8_t* const group = rounded.codes.data() + query / bytes::group_size * bytes::group_bytes(n_blocks_);
    pack(rounded.row, n_blocks_, group + place_of(query % bytes::group_size, 0, bytes::group_size));
    const float squares = residual.square().sum();
    const Typical& typical = typical_[static_cast<std::size_t>(list)];
    const float variance =
        squares * typical.step * typical.step + step.size * step.size * typical.length * typical.length;
    const auto q = static_cast<std::size_t>(query);
    rounded.biases[q] = squares / 2;
    rounded.steps[q] = step.size;
    return n_deviations * std::sqrt(variance_of_rounding * variance);
}

void ByteLists::offer_panels(Size first_panel, Size n_panels, RoundedQueries& rounded, Size first_query, Size end_query,
                             std::span<CandidateList* const> found) const {
    using namespace Eigen::internal;
    using Floats = packet_traits<float>::type;
    using Whole = packet_traits<std::int32_t>::type;
    constexpr Size n_lanes = packet_traits<float>::size;
    static_assert(n_lanes == packet_traits<std::int32_t>::size && bytes::panel_width % n_lanes == 0);
    const Size first_slot = first_panel * bytes::panel_width;
    products_(codes_.data() + first_panel * bytes::panel_bytes(n_blocks_), starts_.data() + first_slot, n_panels,
              n_blocks_, rounded.codes.data() + first_query / bytes::group_size * bytes::group_bytes(n_blocks_),
              rounded.products.data());
    for (Size query = first_query; query < end_query; ++query) {
        const auto q = static_cast<std::size_t>(query);
        CandidateList& candidates = *found[q];
        const Floats bias_of_query = pset1<Floats>(rounded.biases[q]);
        const Floats step_of_query = pset1<Floats>(rounded.steps[q]);
        Floats threshold = pset1<Floats>(candidates.threshold());
        const std::int32_t* products = rounded.products.data() + (query - first_query) * bytes::panel_width;
        const float* biases = biases_.data() + first_slot;
        const float* steps = steps_.data() + first_slot;
        const std::int32_t* ids = ids_.data() + first_slot;
        alignas(64) float scores[bytes::panel_width];
        for (Size panel = 0; panel < n_panels; ++panel) {
            Floats below = pzero(threshold);
            for (Size lane = 0; lane < bytes::panel_width; lane += n_lanes) {
                const Floats product = pcast<Whole, Floats>(ploadu<Whole>(products + lane));
                const Floats step = pmul(step_of_query, ploadu<Floats>(steps + lane));
                const Floats bias = padd(bias_of_query, ploadu<Floats>(biases + lane));
                const Floats score = pnmadd(product, step, bias);
                pstore(scores + lane, score);
                below = por(below, pcmp_lt(score, threshold));
            }
            if (predux_any(below)) {
                candidates.offer(scores, ids, bytes::panel_width);
                threshold = pset1<Floats>(candidates.threshold());
            }
            products += bytes::group_size * bytes::panel_width;
            biases += bytes::panel_width;
            steps += bytes::panel_width;
            ids += bytes::panel_width;
        }
    }
}

void ByteLists::scan(Size list, std::span<const float* const> queries, std::span<CandidateList* const> found) const {
    const auto n_queries = static_cast<Size>(queries.size());
    const Size n_groups = (n_queries + bytes::group_size - 1) / bytes::group_size;
    const auto n_rounded = static_cast<std::size_t>(n_groups * bytes::group_size);
    RoundedQueries rounded;
    rounded.residual.setZero((n_blocks_ * bytes::block + 15) / 16 * 16);  // whole registers
    rounded.codes.resize(static_cast<std::size_t>(n_groups * bytes::group_bytes(n_blocks_)));
    rounded.biases.resize(n_rounded);
    rounded.steps.resize(n_rounded);
    for (Size query = 0; query < n_queries; ++query) {
        const auto q = static_cast<std::size_t>(query);
        found[q]->allow(round_query(rounded, query, queries[q], list));
    }
    // As many panels at a time as stay in the first-level cache while all queries pass over them.
    constexpr Size cache = 20 * 1024;
    const Size at_once = std::clamp<Size>(cache / bytes::panel_bytes(n_blocks_), 1, 32);
    rounded.products.resize(static_cast<std::size_t>(at_once * bytes::group_size * bytes::panel_width));
    const Size end = first_panel_[static_cast<std::size_t>(list) + 1];
    for (Size panel = first_panel_[static_cast<std::size_t>(list)]; panel < end; panel += at_once) {
        for (Size query = 0; query < n_queries; query += bytes::group_size)
            offer_panels(panel, std::min(at_once, end - panel), rounded, query,
                         std::min(n_queries, query + bytes::group_size), found);
    }
}

}  // namespace cellweave
