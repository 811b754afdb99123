#include "neighbors/byte_lists.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>

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

/// Writes `coordinates` as whole numbers of steps plus `shift`, the largest as `n_steps`. Returns the step; 0 for a
/// point where the centroid is.
template <class Byte>
float round_to_steps(const Coordinates& coordinates, int n_steps, int shift, Byte* codes) {
    const float largest = coordinates.size() == 0 ? 0.0F : coordinates.abs().maxCoeff();
    const bool is_point = largest < std::numeric_limits<float>::min() * 1e3F;
    const float per_unit = is_point ? 0.0F : static_cast<float>(n_steps) / largest;
    const float* const from = coordinates.data();
    // What is cut off is positive, so that cutting rounds.
    const float above_zero = static_cast<float>(n_steps) + 0.5F;
    for (Size k = 0; k < coordinates.size(); ++k)
        codes[k] = static_cast<Byte>(static_cast<int>(from[k] * per_unit + above_zero) + (shift - n_steps));
    return is_point ? 0.0F : largest / static_cast<float>(n_steps);
}

}  // namespace

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
    const Size first_slot = first_panel_[static_cast<std::size_t>(list)] * bytes::panel_width;
    Eigen::ArrayXf residual(n_dims_);
    std::vector<std::int8_t> code(static_cast<std::size_t>(n_blocks_ * bytes::block));
    double steps = 0;
    double lengths = 0;
    for_each_row(points, members, [&](Size member, const float* row) {
        const Size slot = first_slot + member;
        const auto at = static_cast<std::size_t>(slot);
        residual = Coordinates(row, n_dims_) - centroid;
        const float step =
            round_to_steps(Coordinates(residual.data(), n_dims_), bytes::largest_reference, 0, code.data());
        std::int8_t* block = codes_.data() + slot / bytes::panel_width * bytes::panel_bytes(n_blocks_) +
                             slot % bytes::panel_width * bytes::block;
        for (std::size_t k = 0; k < code.size(); k += bytes::block, block += bytes::panel_width * bytes::block)
            std::copy_n(code.data() + k, bytes::block, block);
        const float squares = residual.square().sum();
        starts_[at] = -shift * std::accumulate(code.begin(), code.end(), 0);
        biases_[at] = squares / 2;
        steps_[at] = step;
        const std::int32_t point = members[static_cast<std::size_t>(member)];
        ids_[at] = point;
        if (metric != Metric::euclidean) {
            // A point without direction is as far from all others as unit vectors at right angles.
            biases_[at] += (1 - points.norms[static_cast<std::size_t>(point)]) / 2;
        }
        steps += static_cast<double>(step) * step;
        lengths += static_cast<double>(squares);
    });
    const auto n = static_cast<double>(std::max<std::size_t>(1, members.size()));
    typical_[static_cast<std::size_t>(list)] = {static_cast<float>(std::sqrt(steps / n)),
                                                static_cast<float>(std::sqrt(lengths / n))};
}

/// Queries of one list, rounded.
class ByteLists::Scan : public ListScan {
public:
    Scan(const ByteLists& lists, const ListQueries& queries, Size k, std::span<CandidateList> found)
        : lists_(lists),
          own_centroid_(lists.centroids_.row(queries.list), lists.n_dims_),
          found_(found),
          code_size_(static_cast<std::size_t>(lists.n_blocks_ * bytes::block)),
          codes_(found.size() * code_size_),
          steps_(found.size()),
          residual_(lists.n_dims_),
          between_(code_size_) {
        for (std::size_t q = 0; q < found.size(); ++q) {
            // Scores are half of squared distances, with nothing to add for the length of the query.
            found[q].start(k, 0, lists.margin_);
            steps_[q] = round(queries.from_centroid.row_data(static_cast<Size>(q)), codes_.data() + q * code_size_);
        }
        biases_.resize(static_cast<std::size_t>(panels_at_once() * bytes::panel_width));
        products_.resize(biases_.size() * bytes::group_size);
    }

    void offer(Size list, std::span<const std::int32_t> which, std::span<const float> to_centroid) override {
        residual_ = own_centroid_ - Coordinates(lists_.centroids_.row(list), lists_.n_dims_);
        const float step = round(residual_.data(), between_.data());
        multiplied_.assign(1, between_.data());
        for (const std::int32_t query : which) {
            const auto q = static_cast<std::size_t>(query);
            multiplied_.push_back(codes_.data() + q * code_size_);
            found_[q].allow(error_in(list, steps_[q] * steps_[q] + step * step, to_centroid[q]));
        }
        const Size end = lists_.first_panel_[static_cast<std::size_t>(list) + 1];
        for (Size panel = lists_.first_panel_[static_cast<std::size_t>(list)]; panel < end; panel += panels_at_once()) {
            const Panels panels{panel, std::min(panels_at_once(), end - panel)};
            for (std::size_t first = 0; first < multiplied_.size(); first += bytes::group_size) {
                multiply(panels, first);
                if (first == 0) find_biases(panels, step);
                const std::size_t end_of_group = std::min(multiplied_.size(), first + bytes::group_size);
                for (std::size_t item = std::max<std::size_t>(first, 1); item < end_of_group; ++item) {
                    const auto query = static_cast<std::size_t>(which[item - 1]);
                    offer_products(panels, item - first, query, to_centroid[query] / 2);
                }
            }
        }
    }

private:
    /// Some panels of a list.
    struct Panels {
        Size first;
        Size n;

        Size first_slot() const { return first * bytes::panel_width; }
    };

    /// As many as stay in the first-level cache while all queries pass over them, and as have a bit each.
    Size panels_at_once() const {
        constexpr Size cache = 20 * 1024;
        return std::clamp<Size>(cache / bytes::panel_bytes(lists_.n_blocks_), 1, 32);
    }

    /// Returns the step.
    float round(const float* residual, std::uint8_t* code) const {
        return round_to_steps(Coordinates(residual, lists_.n_dims_), most_steps_of_query, shift, code);
    }

    /// How far the scores of a query with the references of `list` may err.
    float error_in(Size list, float squared_steps, float to_centroid) const {
        const Typical& typical = lists_.typical_[static_cast<std::size_t>(list)];
        const float variance =
            to_centroid * typical.step * typical.step + squared_steps * typical.length * typical.length;
        return n_deviations * std::sqrt(variance_of_rounding * variance);
    }

    /// The products of a group that begins with item `first` of what is multiplied.
    void multiply(const Panels& panels, std::size_t first) {
        bytes::Group group;
        for (std::size_t place = 0; place < group.size(); ++place)
            group[place] = multiplied_[std::min(first + place, multiplied_.size() - 1)];
        lists_.products_(lists_.codes_.data() + panels.first * bytes::panel_bytes(lists_.n_blocks_),
                         lists_.starts_.data() + panels.first_slot(), panels.n, lists_.n_blocks_, group,
                         products_.data());
    }

    /// What the scores of all queries have in common, from the products of the first group.
    void find_biases(const Panels& panels, float step) {
        const float* const biases = lists_.biases_.data() + panels.first_slot();
        const float* const steps = lists_.steps_.data() + panels.first_slot();
        for (Size panel = 0; panel < panels.n; ++panel) {
            const std::int32_t* const products = products_.data() + panel * bytes::group_size * bytes::panel_width;
            for (Size lane = 0; lane < bytes::panel_width; ++lane) {
                const Size slot = panel * bytes::panel_width + lane;
                biases_[static_cast<std::size_t>(slot)] =
                    biases[slot] - static_cast<float>(products[lane]) * (step * steps[slot]);
            }
        }
    }

    /// Offers some panels to query `q`, number `place` of the group that was multiplied last. Its scores are `bias`
    /// more than is compared.
    void offer_products(const Panels& panels, std::size_t place, std::size_t q, float bias) {
        using namespace Eigen::internal;
        using Floats = packet_traits<float>::type;
        using Whole = packet_traits<std::int32_t>::type;
        constexpr Size n_lanes = packet_traits<float>::size;
        static_assert(n_lanes == packet_traits<std::int32_t>::size && bytes::panel_width % n_lanes == 0);
        CandidateList& candidates = found_[q];
        const std::int32_t* const products = products_.data() + place * bytes::panel_width;
        const float* const biases = biases_.data();
        const float* const steps = lists_.steps_.data() + panels.first_slot();
        const Floats step_of_query = pset1<Floats>(steps_[q]);
        const Floats limit = pset1<Floats>(candidates.threshold() - bias);
        const auto scores_of = [&](Size slot, Size lane) {
            const Floats product = pcast<Whole, Floats>(ploadu<Whole>(products + bytes::group_size * slot + lane));
            const Floats step = pmul(step_of_query, ploadu<Floats>(steps + slot + lane));
            return pnmadd(product, step, ploadu<Floats>(biases + slot + lane));
        };
        // Without branches, a bit for each panel: which of them hold a candidate is as good as random.
        std::uint32_t near = 0;
        for (Size panel = 0; panel < panels.n; ++panel) {
            Floats below = pzero(limit);
            for (Size lane = 0; lane < bytes::panel_width; lane += n_lanes)
                below = por(below, pcmp_lt(scores_of(panel * bytes::panel_width, lane), limit));
            near |= static_cast<std::uint32_t>(predux_any(below)) << panel;
        }
        alignas(64) float scores[bytes::panel_width];
        for (; near != 0; near &= near - 1) {
            const Size slot = std::countr_zero(near) * bytes::panel_width;
            for (Size lane = 0; lane < bytes::panel_width; lane += n_lanes)
                pstore(scores + lane, padd(scores_of(slot, lane), pset1<Floats>(bias)));
            candidates.offer(scores, lists_.ids_.data() + panels.first_slot() + slot, bytes::panel_width);
        }
    }

    const ByteLists& lists_;
    Coordinates own_centroid_;
    std::span<CandidateList> found_;
    std::size_t code_size_;
    // By query:
    std::vector<std::uint8_t> codes_;
    std::vector<float> steps_;
    // Scratch of offer():
    Eigen::ArrayXf residual_;
    std::vector<std::uint8_t> between_;            // the way from the centroid of the list to that of the queries
    std::vector<const std::uint8_t*> multiplied_;  // that, and then the queries
    std::vector<float> biases_;
    std::vector<std::int32_t> products_;
};

std::unique_ptr<ListScan> ByteLists::begin(const ListQueries& queries, Size k, std::span<CandidateList> found) const {
    return std::make_unique<Scan>(*this, queries, k, found);
}

}  // namespace cellweave
