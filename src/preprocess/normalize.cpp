#include "preprocess/normalize.hpp"

namespace cellweave {

namespace {
constexpr Grain rows_per_chunk{2048};
}

template <Real T, class I>
void scale_rows(CsrView<T, I> counts, std::span<const double> factors, Threads threads) {
    parallel_for(counts.n_rows(), rows_per_chunk, threads, [&](Range rows) {
        for (const Size row : rows) {
            const T factor = static_cast<T>(factors[static_cast<std::size_t>(row)]);
            for (T& value : counts.row(row).values) value *= factor;
        }
    });
}

template <Number T, class I>
void row_sums(CsrView<const T, I> counts, std::span<double> totals, Threads threads) {
    parallel_for(counts.n_rows(), rows_per_chunk, threads, [&](Range rows) {
        for (const Size row : rows) {
            double total = 0;
            for (const T value : counts.row(row).values) total += static_cast<double>(value);
            totals[static_cast<std::size_t>(row)] = total;
        }
    });
}

#define CELLWEAVE_INSTANTIATE(T, I) \
    template void row_sums<T, I>(CsrView<const T, I>, std::span<double>, Threads);
CELLWEAVE_INSTANTIATE(float, std::int32_t)
CELLWEAVE_INSTANTIATE(float, std::int64_t)
CELLWEAVE_INSTANTIATE(double, std::int32_t)
CELLWEAVE_INSTANTIATE(double, std::int64_t)
CELLWEAVE_INSTANTIATE(std::int32_t, std::int32_t)
CELLWEAVE_INSTANTIATE(std::int32_t, std::int64_t)
CELLWEAVE_INSTANTIATE(std::int64_t, std::int32_t)
CELLWEAVE_INSTANTIATE(std::int64_t, std::int64_t)
#undef CELLWEAVE_INSTANTIATE

template void scale_rows<float, std::int32_t>(CsrView<float, std::int32_t>, std::span<const double>, Threads);
template void scale_rows<float, std::int64_t>(CsrView<float, std::int64_t>, std::span<const double>, Threads);
template void scale_rows<double, std::int32_t>(CsrView<double, std::int32_t>, std::span<const double>, Threads);
template void scale_rows<double, std::int64_t>(CsrView<double, std::int64_t>, std::span<const double>, Threads);

}  // namespace cellweave
