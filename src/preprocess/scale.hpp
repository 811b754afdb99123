#pragma once
#include <optional>
#include <span>

#include "core/parallel.hpp"
#include "core/views.hpp"

namespace cellweave {

/// Options of the scaling functions.
struct ScaleOptions {
    /// Take the means away. Sparse input becomes dense by it.
    bool zero_center = true;

    /// Larger values become this one; with zero_center, values below its negative become that. Unset: no clipping.
    std::optional<double> max_value;
};

/// Scales the rows whose mask is not 0, in place; an empty mask means all rows. Cannot be interrupted.
/// Bytes that must move: the matrix once in and once out (sparse: `data` so, and `indices` in).
/// For sparse matrices options.zero_center must be false.
template <Real T>
void scale_in_place(DenseView<T> matrix, std::span<const std::uint8_t> mask, std::span<const double> means,
                    std::span<const double> stds, const ScaleOptions& options, Threads threads);
template <Real T, Index I>
void scale_in_place(CsrView<T, I> matrix, std::span<const std::uint8_t> mask, std::span<const double> stds,
                    const ScaleOptions& options, Threads threads);
template <Real T, Index I>
void scale_in_place(CscView<T, I> matrix, std::span<const std::uint8_t> mask, std::span<const double> stds,
                    const ScaleOptions& options, Threads threads);

/// Writes the scaled rows of a sparse matrix to `out`; rows whose mask is 0 are copied as they are.
/// Bytes that must move: `data` and `indices` in, `out` out. Scratch: one row a thread.
/// @param matrix  only its lines need have been checked.
/// @throws IndexOutOfRange  see sparse/check.hpp.
template <Real T, Index I, Real Out>
void scale_to_dense(CsrView<const T, I> matrix, std::span<const std::uint8_t> mask, std::span<const double> means,
                    std::span<const double> stds, const ScaleOptions& options, DenseView<Out> out, Threads threads);

}  // namespace cellweave
