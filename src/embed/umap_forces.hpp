#pragma once
#include "core/power.hpp"
#include "embed/umap.hpp"

namespace cellweave {

/// How strongly the vertices of a layout pull and push each other: the gradient of UMAP's cross entropy. Plain
/// arithmetic, so that a loop over many pairs becomes SIMD code.
struct UmapForces {
    /// Squared distances stay between these, where every power of them is finite; where two vertices coincide, their
    /// difference of 0 makes the force vanish.
    static constexpr float least_squared = 1e-12F;
    static constexpr float most_squared = 1e12F;
    /// umap-learn's bound on each coordinate of a force.
    static constexpr float largest = 4.0F;

    float a;
    float b;
    float pull;  ///< 2 a b
    float push;  ///< 2 gamma b

    /// @param pull_factor  scales pulls.
    explicit UmapForces(const UmapOptions& options, float pull_factor = 1.0F)
        : a(static_cast<float>(options.a)),
          b(static_cast<float>(options.b)),
          pull(2.0F * a * b * pull_factor),
          push(2.0F * static_cast<float>(options.gamma) * b) {}

    /// Towards the other vertex, for each unit of distance to it.
    float attraction(float squared) const {
        const float power = rough_power(squared, b);
        return pull * power / (squared * (1.0F + a * power));
    }

    /// Away from the other vertex, for each unit of distance to it.
    float repulsion(float squared) const {
        const float power = rough_power(squared, b);
        return push / ((0.001F + squared) * (1.0F + a * power));
    }
};

}  // namespace cellweave
