#pragma once

namespace cellweave {

/// How far apart two cells are.
enum class Metric {
    euclidean,
    manhattan,
    cosine,       ///< 1 - cosine of the angle; 1 from a row of zeros to any other row.
    correlation,  ///< 1 - Pearson's correlation; 1 from a constant row to any other row.
};

}  // namespace cellweave
