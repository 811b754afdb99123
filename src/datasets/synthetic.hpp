#pragma once
#include <span>

#include "core/growing_buffer.hpp"
#include "core/parallel.hpp"
#include "core/views.hpp"

namespace cellweave {

/// Options of sample_counts().
struct SampleCountsOptions {
    /// Overdispersion: variance = mean + dispersion * mean^2. 0 gives Poisson counts; UMI data have 0.1 to 0.5.
    double dispersion = 0.3;

    /// Cells take their random numbers from streams (seed, cell).
    std::uint64_t seed = 0;
};

/// Counts as compressed rows, genes rising within a cell.
struct SampledCounts {
    GrowingBuffer<std::int64_t> indptr;
    GrowingBuffer<std::int32_t> indices;
    GrowingBuffer<float> values;
};

/// Draws a count for every cell and gene from the negative binomial law with mean
/// library_sizes[cell] * profiles(profile_of_cell[cell], gene).
///
/// Genes of a profile are kept in classes of similar share. Where hits are rare their gaps are drawn (geometric, from
/// an upper bound of the probability) and a candidate is accepted or not by the uniform that also gives its count, by
/// inversion: so the work grows with the counts that are not zero, and the law is exact.
///
/// Cost: about 50 ns a non-zero count. Memory: the result, and 20 bytes per profile and gene.
/// Determinism: a cell depends on (seed, its number, its profile, its library size) alone.
///
/// @param profiles  profiles x genes: the share of the library that goes to each gene.
/// @throws InvalidInput  a share, library size or dispersion that is negative or not finite, a profile out of range, a
///                       mean above 10^6, or lengths that differ.
SampledCounts sample_counts(DenseView<const double> profiles, std::span<const std::int32_t> profile_of_cell,
                            std::span<const double> library_sizes, const SampleCountsOptions& options, Threads threads);

/// The count at which the distribution function of the negative binomial law passes `uniform`, when the counts are
/// lined up as 1, 2, 3, ..., 0. Exposed for its tests.
Size count_at(double uniform, double mean, double dispersion);

}  // namespace cellweave
