#include <cstdint>
#include <vector>

#include "check.hpp"
#include "core/error.hpp"
#include "preprocess/regress.hpp"

using namespace cellweave;

namespace {

constexpr Size n_cells = 7, n_genes = 301;

/// Small whole numbers, of which one in three is not 0.
double count(Size cell, Size gene) {
    return (cell + gene) % 3 == 0 ? static_cast<double>((cell * 5 + gene) % 11) : 0.0;
}

/// The counts as CSR, each written as two entries of the same gene.
template <class T>
struct Halves {
    std::vector<T> data;
    std::vector<std::int32_t> indices, indptr{0};

    Halves() {
        for (Size cell = 0; cell < n_cells; ++cell) {
            for (Size gene = 0; gene < n_genes; ++gene) {
                for (int half = 0; half < (count(cell, gene) != 0 ? 2 : 0); ++half) {
                    data.push_back(static_cast<T>(count(cell, gene) / 2));
                    indices.push_back(static_cast<std::int32_t>(gene));
                }
            }
            indptr.push_back(static_cast<std::int32_t>(indices.size()));
        }
    }
    CsrView<const T, std::int32_t> view() const {
        return {data.data(), indices.data(), indptr.data(), n_cells, n_genes};
    }
};

/// The counts less a fit of `n_terms`, whose design and coefficients are small whole numbers: from dense input, from
/// sparse, and in place.
template <class T>
void check_fit(Size n_terms) {
    std::vector<double> design, coefficients;
    std::vector<T> x, expected, found(n_cells * n_genes);
    for (Size k = 0; k < n_cells * n_terms; ++k) design.push_back(static_cast<double>(k % 7 - 3));
    for (Size k = 0; k < n_terms * n_genes; ++k) coefficients.push_back(static_cast<double>(k % 5 - 1));
    const DenseView<const double> design_view(design.data(), n_cells, n_terms);
    const DenseView<const double> coefficient_view(coefficients.data(), n_terms, n_genes);
    for (Size cell = 0; cell < n_cells; ++cell) {
        for (Size gene = 0; gene < n_genes; ++gene) {
            double left = count(cell, gene);
            x.push_back(static_cast<T>(left));
            for (Size term = 0; term < n_terms; ++term) left -= design_view(cell, term) * coefficient_view(term, gene);
            expected.push_back(static_cast<T>(left));
        }
    }
    const DenseView<T> dense(x.data(), n_cells, n_genes), out(found.data(), n_cells, n_genes);
    const Threads threads{2};
    subtract_fit(DenseView<const T>(dense), design_view, coefficient_view, out, threads);
    CHECK(found == expected);
    subtract_fit(Halves<T>().view(), design_view, coefficient_view, out, threads);
    CHECK(found == expected);
    subtract_fit(DenseView<const T>(dense), design_view, coefficient_view, dense, threads);
    CHECK(x == expected);
}

}  // namespace

TEST("subtract_fit takes away every term, however many there are, and refuses none") {
    for (const Size n_terms : {1, 3, 4, 5, 8, 9}) {
        check_fit<float>(n_terms);
        check_fit<double>(n_terms);
    }
    CHECK_THROWS(InvalidInput, check_fit<float>(0));
}

TEST("subtract_fit rounds a value once, however many terms there are") {
    // 2^24 + 1 is no float: taken from the value at once, the two terms leave 1; one after the other, 0.
    const float value = 0;
    const std::vector<double> design{-16777217.0, 0, 0, 0, 16777216.0}, coefficients(5, 1.0);
    float left = 0;
    subtract_fit(DenseView<const float>(&value, 1, 1), DenseView<const double>(design.data(), 1, 5),
                 DenseView<const double>(coefficients.data(), 5, 1), DenseView<float>(&left, 1, 1), Threads{1});
    CHECK(left == 1.0F);
}

TEST("project multiplies every term of the design with every gene") {
    for (const Size n_terms : {1, 3, 4, 9}) {
        std::vector<double> design, expected(n_terms * n_genes), found(n_terms * n_genes);
        for (Size k = 0; k < n_cells * n_terms; ++k) design.push_back(static_cast<double>(k % 7 - 3));
        const DenseView<const double> design_view(design.data(), n_cells, n_terms);
        const DenseView<double> out(found.data(), n_terms, n_genes);
        std::vector<double> x;
        for (Size cell = 0; cell < n_cells; ++cell) {
            for (Size gene = 0; gene < n_genes; ++gene) {
                x.push_back(count(cell, gene));
                for (Size term = 0; term < n_terms; ++term)
                    expected[term * n_genes + gene] += design_view(cell, term) * count(cell, gene);
            }
        }
        project(Halves<float>().view(), design_view, out, Threads{2});
        CHECK(found == expected);
        project(DenseView<const double>(x.data(), n_cells, n_genes), design_view, out, Threads{2});
        CHECK(found == expected);
    }
}
