#pragma once
#include <span>

#include "core/parallel.hpp"

namespace cellweave {

/// Whether no value is NaN or infinite. Cost: one read.
template <Real T>
bool all_finite(std::span<const T> values, Threads threads);

}  // namespace cellweave
