#include "embed/implicit_scaling.hpp"

#include <algorithm>

namespace cellweave {

namespace {

double scaled(double value, const GeneScaling& scaling, std::size_t gene) {
    return std::clamp((value - scaling.mean[gene]) / scaling.deviation[gene], -scaling.largest, scaling.largest);
}

}  // namespace

template <Real T, Index I>
void scale_implicitly(CsrView<const T, I> matrix, const GeneScaling& scaling, std::span<T> entries,
                      std::span<double> zeros, Threads threads) {
    for (std::size_t gene = 0; gene < zeros.size(); ++gene) zeros[gene] = scaled(0.0, scaling, gene);
    parallel_for(matrix.nnz(), Grain{1 << 18}, threads, [&](Range range) {
        for (const Size k : range) {
            const auto gene = static_cast<std::size_t>(matrix.indices()[k]);
            const double value = static_cast<double>(matrix.data()[k]);
            entries[static_cast<std::size_t>(k)] = static_cast<T>(scaled(value, scaling, gene) - zeros[gene]);
        }
    });
}

template <Real T>
void scale_densely(DenseView<const T> matrix, const GeneScaling& scaling, DenseView<T> out, Threads threads) {
    parallel_for(matrix.n_rows(), Grain{64}, threads, [&](Range rows) {
        for (const Size row : rows) {
            const T* const values = matrix.row_data(row);
            T* const scaled_values = out.row_data(row);
            for (Size gene = 0; gene < matrix.n_cols(); ++gene) {
                const auto g = static_cast<std::size_t>(gene);
                scaled_values[gene] = static_cast<T>(scaled(static_cast<double>(values[gene]), scaling, g));
            }
        }
    });
}

template void scale_implicitly<float, std::int32_t>(CsrView<const float, std::int32_t>, const GeneScaling&,
                                                    std::span<float>, std::span<double>, Threads);
template void scale_implicitly<float, std::int64_t>(CsrView<const float, std::int64_t>, const GeneScaling&,
                                                    std::span<float>, std::span<double>, Threads);
template void scale_implicitly<double, std::int32_t>(CsrView<const double, std::int32_t>, const GeneScaling&,
                                                     std::span<double>, std::span<double>, Threads);
template void scale_implicitly<double, std::int64_t>(CsrView<const double, std::int64_t>, const GeneScaling&,
                                                     std::span<double>, std::span<double>, Threads);
template void scale_densely<float>(DenseView<const float>, const GeneScaling&, DenseView<float>, Threads);
template void scale_densely<double>(DenseView<const double>, const GeneScaling&, DenseView<double>, Threads);

}  // namespace cellweave
