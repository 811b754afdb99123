#include "neighbors/scan.hpp"

namespace cellweave::scan {

std::vector<Size> first_panels(std::span<const Size> starts, Size width) {
    std::vector<Size> panels{0};
    for (std::size_t list = 0; list + 1 < starts.size(); ++list) {
        const Size count = starts[list + 1] - starts[list];
        panels.push_back(panels.back() + (count + width - 1) / width);
    }
    return panels;
}

PackedPoints::PackedPoints(const PreparedPoints& points, Metric metric, std::span<const std::int32_t> order,
                           std::span<const Size> starts, Threads threads)
    : n_dims_(points.n_dims), first_panel_(first_panels(starts, panel_width)) {
    // A lane without a reference keeps an infinite bias, which no threshold lets through.
    values_.assign(static_cast<std::size_t>(first_panel_.back() * stride()), 0.0F);
    ids_.assign(static_cast<std::size_t>(first_panel_.back() * panel_width), -1);
    const auto bias_of = [&](Size point) {
        if (metric != Metric::euclidean) return 0.0F;
        double squares = 0;
        for (Size k = 0; k < n_dims_; ++k) squares += static_cast<double>(points.row(point)[k]) * points.row(point)[k];
        return static_cast<float>(squares / 2);
    };
    parallel_for(n_lists(), Grain{1}, threads, [&](Range lists) {
        for (const Size list : lists) {
            const Size begin = starts[static_cast<std::size_t>(list)];
            const Size count = starts[static_cast<std::size_t>(list) + 1] - begin;
            for (Size slot = 0; slot < (first_panel(list + 1) - first_panel(list)) * panel_width; ++slot) {
                const Size panel = first_panel(list) + slot / panel_width;
                const Size lane = slot % panel_width;
                float* const out = values_.data() + panel * stride() + lane;
                if (slot >= count) {
                    out[0] = std::numeric_limits<float>::infinity();
                    continue;
                }
                const std::int32_t point = order[static_cast<std::size_t>(begin + slot)];
                ids_[static_cast<std::size_t>(panel * panel_width + lane)] = point;
                out[0] = bias_of(point);
                for (Size k = 0; k < n_dims_; ++k) out[(k + 1) * panel_width] = points.row(point)[k];
            }
        }
    });
}

}  // namespace cellweave::scan
