#pragma once
#include <span>

#include "core/parallel.hpp"
#include "core/views.hpp"

namespace cellweave {

/// Products of the columns of a design with the genes: design^T x.
///
/// Bytes that must move: the matrix once (`data` and `indices` if sparse). Work: 2 k flops a stored value.
/// Scratch: 2 x threads x 8 k bytes a gene (none for CSC). Determinism: sums in double; chunks of cells follow from the
/// shape and meet in order.
///
/// @param      x       if sparse, only its lines need have been checked.
/// @param      design  cells x k.
/// @param[out] out     k x genes.
/// @throws IndexOutOfRange  see sparse/check.hpp.
template <Real T, Index I>
void project(CsrView<const T, I> x, DenseView<const double> design, DenseView<double> out, Threads threads);
template <Real T, Index I>
void project(CscView<const T, I> x, DenseView<const double> design, DenseView<double> out, Threads threads);
template <Real T>
void project(DenseView<const T> x, DenseView<const double> design, DenseView<double> out, Threads threads);

/// What a linear fit leaves over: out = x - design coefficients. `out` may be a dense `x` itself. Sums in double.
///
/// Bytes that must move: the matrix in, `out` out. Work: 2 k flops an entry of `out`. Scratch: four rows a thread.
///
/// @param      x             if sparse, only its lines need have been checked.
/// @param      coefficients  k x genes.
/// @param[out] out           cells x genes.
/// @throws InvalidInput     k is 0.
/// @throws IndexOutOfRange  see sparse/check.hpp.
template <Real T, Index I, Real Out>
void subtract_fit(CsrView<const T, I> x, DenseView<const double> design, DenseView<const double> coefficients,
                  DenseView<Out> out, Threads threads);
template <Real T, Real Out>
void subtract_fit(DenseView<const T> x, DenseView<const double> design, DenseView<const double> coefficients,
                  DenseView<Out> out, Threads threads);

/// A line for each group of cells and gene: out = x slopes(group, gene) + offsets(group, gene).
///
/// Bytes that must move: the matrix in, `out` out. Scratch: four rows a thread.
///
/// @param      x                if sparse, only its lines need have been checked.
/// @param      group_of_cell    0 to n_groups - 1.
/// @param      slopes, offsets  groups x genes.
/// @param[out] out              cells x genes.
/// @throws IndexOutOfRange  see sparse/check.hpp.
template <Real T, Index I>
void apply_group_lines(CsrView<const T, I> x, std::span<const std::int32_t> group_of_cell,
                       DenseView<const double> slopes, DenseView<const double> offsets, DenseView<double> out,
                       Threads threads);
template <Real T>
void apply_group_lines(DenseView<const T> x, std::span<const std::int32_t> group_of_cell,
                       DenseView<const double> slopes, DenseView<const double> offsets, DenseView<double> out,
                       Threads threads);

}  // namespace cellweave
