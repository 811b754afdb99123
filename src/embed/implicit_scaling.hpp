#pragma once
#include <limits>
#include <span>

#include "core/parallel.hpp"
#include "core/views.hpp"

namespace cellweave {

/// What pp.scale does to a value v of gene j: (v - mean[j]) / deviation[j], then clipped to [-largest, largest].
struct GeneScaling {
    std::span<const double> mean;
    std::span<const double> deviation;
    double largest = std::numeric_limits<double>::infinity();
};

/// Scales a sparse matrix without losing its zeros: the scaled matrix is E + 1 zeros^T, where E has the pattern of
/// `matrix` and zeros[j] is what a zero of gene j becomes. Clipping is exact, for it touches entries alone.
///
/// Cost: one read of the matrix. An entry must occur once (scipy's sum_duplicates()).
///
/// @param[out] entries  nnz, the values of E in storage order.
/// @param[out] zeros    n_genes.
template <Real T, Index I>
void scale_implicitly(CsrView<const T, I> matrix, const GeneScaling& scaling, std::span<T> entries,
                      std::span<double> zeros, Threads threads);

/// The scaled matrix of a dense one.
template <Real T>
void scale_densely(DenseView<const T> matrix, const GeneScaling& scaling, DenseView<T> out, Threads threads);

}  // namespace cellweave
