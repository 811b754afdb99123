#include <vector>

#include "check.hpp"
#include "core/error.hpp"
#include "sparse/check.hpp"

using namespace cellweave;

namespace {

template <class I>
struct Matrix {
    std::vector<I> indptr{0, 2, 2, 3};
    std::vector<I> indices{0, 4, 2};

    void check(Size n_stored = 3) const {
        check_structure(indices.data(), indptr.data(), 3, 5, n_stored, "X", Threads{2});
    }
};

template <class I>
void check_faults() {
    Matrix<I>().check();
    Matrix<I> late;
    late.indptr[0] = 1;
    CHECK_THROWS(InvalidInput, late.check());
    Matrix<I> falling;
    falling.indptr[2] = 1;
    CHECK_THROWS(InvalidInput, falling.check());
    CHECK_THROWS(InvalidInput, Matrix<I>().check(2));
    for (const I outside : {I{5}, I{-1}, std::numeric_limits<I>::max(), std::numeric_limits<I>::min()}) {
        Matrix<I> wild;
        wild.indices[1] = outside;
        CHECK_THROWS(InvalidInput, wild.check());
    }
}

}  // namespace

TEST("every fault of a compressed structure is found, with 32-bit indices") {
    check_faults<std::int32_t>();
}
TEST("every fault of a compressed structure is found, with 64-bit indices") {
    check_faults<std::int64_t>();
}

TEST("rises_within tells canonical lines from others and refuses indices outside, wherever they stand") {
    const auto rises = [](std::vector<std::int32_t> indices) {
        return rises_within(std::span<const std::int32_t>(indices), 5);
    };
    CHECK(rises({}));
    CHECK(rises({4}));
    CHECK(rises({0, 1, 4}));
    CHECK(!rises({0, 1, 1}));
    CHECK(!rises({2, 1, 4}));
    CHECK_THROWS(IndexOutOfRange, rises({-1, 1, 4}));
    CHECK_THROWS(IndexOutOfRange, rises({0, 1, 5}));
    CHECK_THROWS(IndexOutOfRange, rises({0, 7, 4}));
    CHECK_THROWS(IndexOutOfRange, rises({3, -2, 4}));
}

TEST("a matrix is canonical if the indices of every line rise") {
    const std::vector<std::int32_t> indptr{0, 2, 2, 4};
    const auto judge = [&](std::vector<std::int32_t> indices) {
        return is_canonical(indices.data(), indptr.data(), 3, 5, Threads{2});
    };
    CHECK(judge({0, 4, 2, 3}));
    CHECK(!judge({4, 0, 2, 3}));
    CHECK(!judge({0, 4, 2, 2}));
    CHECK_THROWS(IndexOutOfRange, judge({0, 5, 2, 3}));
}
