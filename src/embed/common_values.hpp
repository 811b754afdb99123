#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "core/parallel.hpp"
#include "core/untouched.hpp"
#include "core/views.hpp"

namespace cellweave {

/// A dense matrix A = E + 1 common^T, of which E is kept as a sparse matrix.
template <Real S>
struct UncommonValues {
    std::vector<double> common;           ///< what most cells hold, gene by gene
    UntouchedVector<S> values;            ///< of E, cell by cell
    UntouchedVector<std::int32_t> genes;  ///< of each value
    std::vector<std::int32_t> starts;     ///< n_cells + 1

    CsrView<const S, std::int32_t> view() const {
        return {values.data(), genes.data(), starts.data(), static_cast<Size>(starts.size()) - 1,
                static_cast<Size>(common.size())};
    }
};

/// Finds the zeros that pp.scale hid: a gene that most cells do not express has one value in all of those, whatever it
/// was scaled to. Nothing where more than `largest_share` of the values differ from their gene's common one, or 2^31.
///
/// The common values are guessed from 64 cells (Boyer and Moore's vote); a wrong guess costs time, never exactness,
/// for E is whatever they leave. Cost: one read of the matrix; of 64 cells if the guess already says no. Memory: the
/// result, whose size the 64 cells foretell; a second copy while it grows beyond that.
template <Real S>
std::optional<UncommonValues<S>> uncommon_values(DenseView<const S> matrix, double largest_share, Threads threads);

}  // namespace cellweave
