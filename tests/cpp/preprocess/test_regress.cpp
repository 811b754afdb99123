#include <vector>

#include "check.hpp"
#include "core/error.hpp"
#include "preprocess/regress.hpp"

using namespace cellweave;

namespace {

/// 3 cells x 5 genes less a fit of `n_terms`, whose design and coefficients are small whole numbers.
void check_fit(Size n_terms) {
    constexpr Size n_cells = 3, n_genes = 5;
    std::vector<double> x, design, coefficients, expected, found(n_cells * n_genes);
    for (Size k = 0; k < n_cells * n_genes; ++k) x.push_back(static_cast<double>(k * k % 11));
    for (Size k = 0; k < n_cells * n_terms; ++k) design.push_back(static_cast<double>(k % 7 - 3));
    for (Size k = 0; k < n_terms * n_genes; ++k) coefficients.push_back(static_cast<double>(k % 5 - 1));
    const DenseView<const double> design_view(design.data(), n_cells, n_terms);
    const DenseView<const double> coefficient_view(coefficients.data(), n_terms, n_genes);
    for (Size cell = 0; cell < n_cells; ++cell) {
        for (Size gene = 0; gene < n_genes; ++gene) {
            double left = x[static_cast<std::size_t>(cell * n_genes + gene)];
            for (Size term = 0; term < n_terms; ++term) left -= design_view(cell, term) * coefficient_view(term, gene);
            expected.push_back(left);
        }
    }
    subtract_fit(DenseView<const double>(x.data(), n_cells, n_genes), design_view, coefficient_view,
                 DenseView<double>(found.data(), n_cells, n_genes), Threads{2});
    CHECK(found == expected);
}

}  // namespace

TEST("subtract_fit takes away every term, however many there are, and refuses none") {
    for (const Size n_terms : {1, 3, 4, 5, 8, 9}) check_fit(n_terms);
    CHECK_THROWS(InvalidInput, check_fit(0));
}
