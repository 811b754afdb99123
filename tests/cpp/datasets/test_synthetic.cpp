#include <cmath>
#include <vector>

#include "check.hpp"
#include "core/error.hpp"
#include "datasets/synthetic.hpp"

using namespace cellweave;

namespace {

double probability(Size count, double mean, double dispersion) {
    const double r = 1 / dispersion;
    const double k = static_cast<double>(count);
    return std::exp(std::lgamma(k + r) - std::lgamma(r) - std::lgamma(k + 1) - r * std::log1p(mean / r) +
                    k * std::log(mean / (mean + r)));
}

}  // namespace

TEST("synthetic: the inversion has the probabilities of the negative binomial law") {
    for (const double mean : {0.02, 0.4, 3.0, 40.0}) {
        for (const double dispersion : {0.1, 0.8}) {
            constexpr Size steps = 200000;
            std::vector<Size> hits(400, 0);
            for (Size k = 0; k < steps; ++k) {
                const Size count = count_at((static_cast<double>(k) + 0.5) / steps, mean, dispersion);
                if (count < 400) ++hits[static_cast<std::size_t>(count)];
            }
            for (Size count = 0; count < 400; ++count) {
                CHECK_NEAR(static_cast<double>(hits[static_cast<std::size_t>(count)]) / steps,
                           probability(count, mean, dispersion), 1.1e-5);
            }
        }
    }
}

TEST("synthetic: rows rise, a gene without share has no count, and cells do not depend on their neighbours") {
    const std::vector<double> profiles{0.5, 0.3, 0.0, 0.2, 0.0, 0.0, 1e-3, 0.999};
    const std::vector<std::int32_t> profile_of_cell{0, 1, 1, 0};
    const std::vector<double> library_sizes{30, 2000, 5, 0};
    const DenseView<const double> view(profiles.data(), 2, 4);
    const auto counts = sample_counts(view, profile_of_cell, library_sizes, {0.3, 5}, Threads{2});
    CHECK(counts.indptr[4] == counts.indices.size());
    CHECK(counts.indptr[3] == counts.indptr[4]);
    for (Size cell = 0; cell < 4; ++cell) {
        for (Size k = counts.indptr[cell]; k < counts.indptr[cell + 1]; ++k) {
            CHECK(k == counts.indptr[cell] || counts.indices[k - 1] < counts.indices[k]);
            CHECK(view(profile_of_cell[static_cast<std::size_t>(cell)], counts.indices[k]) > 0);
            CHECK(counts.values[k] >= 1);
        }
    }
    const auto first = sample_counts(view, std::span(profile_of_cell).first(2), std::span(library_sizes).first(2),
                                     {0.3, 5}, Threads{1});
    for (Size k = 0; k < first.indices.size(); ++k) {
        CHECK(first.indices[k] == counts.indices[k]);
        CHECK(first.values[k] == counts.values[k]);
    }
}

TEST("synthetic: wrong shares, sizes and profiles are refused") {
    const std::vector<double> shares{0.5, 0.5}, negative{0.5, -0.5}, sizes{10}, missing{std::nan("")}, huge{1e8};
    const std::vector<std::int32_t> cell{0}, beyond{1};
    const DenseView<const double> view(shares.data(), 1, 2);
    CHECK_THROWS(InvalidInput, sample_counts(view, beyond, sizes, {}, Threads{1}));
    CHECK_THROWS(InvalidInput, sample_counts(view, cell, missing, {}, Threads{1}));
    CHECK_THROWS(InvalidInput, sample_counts(view, cell, huge, {}, Threads{1}));
    CHECK_THROWS(InvalidInput, sample_counts(view, cell, sizes, {-0.1, 0}, Threads{1}));
    CHECK_THROWS(InvalidInput, sample_counts({negative.data(), 1, 2}, cell, sizes, {}, Threads{1}));
}
