#pragma once
#include <span>
#include <vector>

#include "core/parallel.hpp"
#include "core/views.hpp"

namespace cellweave {

/// The products of sparse/products.hpp for a dense matrix A (cells x genes), by blocks of rows: the same contract, so
/// that an algorithm written over them takes either. Where T is not S, a block of A is converted at a time.

template <Real T, Real S>
void multiply(DenseView<const T> matrix, DenseView<const S> right, DenseView<S> out, std::span<const double> mean,
              Threads threads);

template <Real T, Real S>
void multiply_transposed(DenseView<const T> matrix, DenseView<const S> left, DenseView<S> out,
                         std::span<const double> mean, Threads threads);

template <Real T, Real S>
void multiply_gram(DenseView<const T> matrix, DenseView<const S> right, DenseView<S> out, std::span<const double> mean,
                   Threads threads);

template <Real T>
std::vector<double> column_means(DenseView<const T> matrix, Threads threads);

}  // namespace cellweave
