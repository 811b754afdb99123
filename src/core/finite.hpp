#pragma once
#include <span>

#include "core/parallel.hpp"
#include "core/views.hpp"

namespace cellweave {

/// Whether no value is NaN or infinite. Cost: one read.
template <Real T>
bool all_finite(std::span<const T> values, Threads threads);

template <Real T>
bool all_finite(DenseView<const T> matrix, Threads threads);

}  // namespace cellweave
