#include "integrate/first_bounds.hpp"

#include <algorithm>

#include "neighbors/kmeans.hpp"
#include "neighbors/surroundings.hpp"

namespace cellweave {

namespace {

constexpr Size points_a_cluster = 512;
constexpr std::size_t points_a_look = 256;

Clusters clusters_of(DenseView<const double> points, Threads threads) {
    const Frame frame = find_frame(points, Metric::euclidean, threads);
    constexpr int n_rounds = 2;
    constexpr Size sample_per_cluster = 16;
    return find_clusters(prepare(points, Metric::euclidean, frame, threads),
                         {std::max<Size>(1, points.n_rows() / points_a_cluster), n_rounds, sample_per_cluster, 0},
                         threads);
}

/// The codes of some points, one after another.
ByteCodes gathered(const ByteCodes& codes, std::span<const std::int32_t> points) {
    ByteCodes result;
    result.n_points = static_cast<Size>(points.size());
    result.n_bytes = codes.n_bytes;
    result.bytes.reserve(points.size() * static_cast<std::size_t>(codes.n_bytes));
    for (const std::int32_t point : points)
        result.bytes.insert(result.bytes.end(), codes.point(point), codes.point(point) + codes.n_bytes);
    return result;
}

/// Writes to `bounds`, for each point of `asked`, how far the k-th nearest of `others` is at most, if they are so many.
void bound(std::span<const std::int32_t> asked, std::span<const std::int32_t> others, const ByteCodes& codes,
           std::span<const std::uint32_t> errors, std::size_t k, std::vector<std::uint32_t>& bounds) {
    if (others.size() < k) return;
    const ByteCodes looked_at = gathered(codes, others);
    std::vector<std::uint16_t> distances(others.size());
    std::vector<std::uint32_t> at_most(others.size());
    for (const std::int32_t point : asked) {
        byte_distances(codes.point(point), looked_at, 0, looked_at.n_points, distances.data());
        for (std::size_t j = 0; j < others.size(); ++j)
            at_most[j] = distances[j] + errors[static_cast<std::size_t>(others[j])];
        const auto last = at_most.begin() + static_cast<std::ptrdiff_t>(k) - 1;
        std::ranges::nth_element(at_most, last);
        bounds[static_cast<std::size_t>(point)] = *last;
    }
}

}  // namespace

FirstBounds first_bounds(DenseView<const double> points, std::span<const std::int64_t> offsets, const ByteCodes& codes,
                         std::span<const std::uint32_t> errors, std::size_t k, Threads threads) {
    const Clusters clusters = clusters_of(points, threads);
    const Surroundings surroundings(clusters.centroids, threads);
    // Of the points [begin, end), those of the clusters around `cluster`, until they are enough.
    const auto near = [&](Size cluster, Size begin, Size end) {
        std::vector<std::int32_t> found;
        for (const std::int32_t other : surroundings.around(cluster)) {
            const auto members = clusters.members(other);
            const auto first = std::ranges::lower_bound(members, begin);
            found.insert(found.end(), first, std::ranges::lower_bound(first, members.end(), end));
            if (found.size() >= points_a_look) break;
        }
        found.resize(std::min(found.size(), points_a_look));
        return found;
    };
    FirstBounds bounds{std::vector<std::uint32_t>(errors.size(), FirstBounds::unknown),
                       std::vector<std::uint32_t>(errors.size(), FirstBounds::unknown)};
    parallel_for(clusters.centroids.n, Grain{1}, threads, [&](Range range) {
        for (const Size cluster : range) {
            const auto members = clusters.members(cluster);
            for (auto first = members.begin(); first != members.end();) {
                const auto set_end = std::ranges::upper_bound(offsets, *first);
                const auto last = std::ranges::lower_bound(first, members.end(), *set_end);
                const std::span asked(first, last);
                bound(asked, near(cluster, 0, *(set_end - 1)), codes, errors, k, bounds.earlier);
                bound(asked, near(cluster, *set_end, points.n_rows()), codes, errors, k, bounds.later);
                first = last;
            }
        }
    });
    return bounds;
}

}  // namespace cellweave
