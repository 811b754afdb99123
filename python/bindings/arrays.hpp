#pragma once
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/error.hpp"
#include "core/views.hpp"
#include "sparse/check.hpp"

/// numpy buffers as views, and results as numpy arrays: no copies, no conversions (cellweave/_arrays.py makes those).
namespace cellweave::bindings {

namespace py = pybind11;

/// A C-contiguous array of T; anything else is refused, never converted: use with py::arg().noconvert().
template <class T>
using Array = py::array_t<T, py::array::c_style>;

/// The same of an array whose dtype was looked up at run time.
template <class T>
Array<T> as_it_is(const py::handle& array) {
    if (!Array<T>::check_(array)) throw py::type_error("expected a C-contiguous array of the dtype it was taken for");
    return py::reinterpret_borrow<Array<T>>(array);
}

template <class T>
std::span<const T> vector(const Array<T>& array) {
    return {array.data(), static_cast<std::size_t>(array.size())};
}

template <class T>
std::span<T> mutable_vector(Array<T>& array) {
    return {array.mutable_data(), static_cast<std::size_t>(array.size())};
}

template <class T>
DenseView<const T> matrix(const Array<T>& array) {
    require(array.ndim() == 2, "expected a matrix, found " + std::to_string(array.ndim()) + " dimension(s)");
    return {array.data(), array.shape(0), array.shape(1)};
}

template <class T>
DenseView<T> mutable_matrix(Array<T>& array) {
    require(array.ndim() == 2, "expected a matrix, found " + std::to_string(array.ndim()) + " dimension(s)");
    return {array.mutable_data(), array.shape(0), array.shape(1)};
}

/// New, uninitialised arrays for results.
template <class T>
Array<T> new_vector(Size n) {
    return Array<T>(static_cast<py::ssize_t>(n));
}

template <class T>
Array<T> new_matrix(Size n_rows, Size n_cols) {
    return Array<T>({static_cast<py::ssize_t>(n_rows), static_cast<py::ssize_t>(n_cols)});
}

/// Hands the storage of a std::vector to numpy.
template <class T, class Allocator>
Array<T> as_array(std::vector<T, Allocator>&& values) {
    using Vector = std::vector<T, Allocator>;
    auto owner = std::make_unique<Vector>(std::move(values));
    const auto size = static_cast<py::ssize_t>(owner->size());
    T* const data = owner->data();
    const py::capsule release(owner.release(), [](void* vector) { delete static_cast<Vector*>(vector); });
    return Array<T>(size, data, release);
}

/// Calls `f` with a `std::type_identity<T>` for the dtype of `array`, out of the listed types.
template <class... Ts, class F>
auto visit_dtype(const py::array& array, const char* what, F&& f) {
    using Result = std::common_type_t<std::invoke_result_t<F&, std::type_identity<Ts>>...>;
    std::conditional_t<std::is_void_v<Result>, bool, std::unique_ptr<Result>> result{};
    bool known = false;
    const auto attempt = [&]<class T>(std::type_identity<T> type) {
        if (known || !array.dtype().equal(py::dtype::of<T>())) return;
        known = true;
        if constexpr (std::is_void_v<Result>) {
            f(type);
        } else {
            result = std::make_unique<Result>(f(type));
        }
    };
    (attempt(std::type_identity<Ts>{}), ...);
    if (!known) {
        throw py::type_error(std::string(what) + ": dtype " + std::string(py::str(array.dtype())) +
                             " is not supported here");
    }
    if constexpr (!std::is_void_v<Result>) return std::move(*result);
}

/// Calls `f(DenseView<const T>)` for a C-contiguous matrix of float32 or float64.
template <class F>
auto visit_real(const py::array& dense, F&& f) {
    return visit_dtype<float, double>(dense, "matrix",
                                      [&]<class T>(std::type_identity<T>) { return f(matrix<T>(as_it_is<T>(dense))); });
}

/// The same, with the integer types that counts come in.
template <class F>
auto visit_number(const py::array& dense, F&& f) {
    return visit_dtype<float, double, std::int32_t, std::int64_t>(
        dense, "matrix", [&]<class T>(std::type_identity<T>) { return f(matrix<T>(as_it_is<T>(dense))); });
}

/// What a kernel does with the indices of a compressed matrix: it trusts them (they are checked before), or it checks
/// each just before use with require_indices_below(). A kernel that never follows one counts as checking.
enum class Indices { trusted, checked_by_kernel };

/// The three buffers of a scipy matrix, checked once. Python: `_arrays.compressed` makes them.
/// With `check_indices=False` the check of the indices (one read of them) waits until a kernel that trusts them asks.
class CompressedArg {
public:
    CompressedArg(py::array data, py::array indices, py::array indptr, Size n_lines, Size line_length, std::string name,
                  int threads, bool check_indices);

    Size n_lines() const { return n_lines_; }
    Size line_length() const { return line_length_; }
    const py::array& data() const { return data_; }
    const py::array& indices() const { return indices_; }
    const py::array& indptr() const { return indptr_; }

    /// Checks the indices unless that has been done.
    void check_indices() const;
    /// Checks the indices, and says whether they rise in every line.
    bool is_canonical() const;

    /// Calls `work`, a kernel that checks the indices as it goes, and names the matrix if it finds a bad one.
    template <class Work>
    auto explain(Work&& work) const {
        try {
            return work();
        } catch (const IndexOutOfRange&) {
            check_indices();
            throw;
        }
    }

protected:
    template <template <class, class> class View, bool is_mutable, Indices use, class... Ts, class F>
    auto visit(Size n_rows, Size n_cols, F&& f) const {
        if constexpr (use == Indices::trusted) {
            check_indices();
            return visit_types<View, is_mutable, Ts...>(n_rows, n_cols, f);
        } else {
            return explain([&] { return visit_types<View, is_mutable, Ts...>(n_rows, n_cols, f); });
        }
    }

private:
    template <template <class, class> class View, bool is_mutable, class... Ts, class F>
    auto visit_types(Size n_rows, Size n_cols, F&& f) const {
        return visit_dtype<std::int32_t, std::int64_t>(indptr_, "indptr", [&]<class I>(std::type_identity<I>) {
            return visit_dtype<Ts...>(data_, "data", [&]<class T>(std::type_identity<T>) {
                const auto* indices = static_cast<const I*>(indices_.data());
                const auto* indptr = static_cast<const I*>(indptr_.data());
                if constexpr (is_mutable) {
                    auto* data = static_cast<T*>(const_cast<py::array&>(data_).mutable_data());
                    return f(View<T, I>(data, indices, indptr, n_rows, n_cols));
                } else {
                    return f(View<const T, I>(static_cast<const T*>(data_.data()), indices, indptr, n_rows, n_cols));
                }
            });
        });
    }

    py::array data_;
    py::array indices_;
    py::array indptr_;
    Size n_lines_;
    Size line_length_;
    std::string name_;
    int threads_;
    mutable bool are_indices_checked_ = false;
};

/// A compressed matrix as one of CsrView / CscView. `visit_real` sees float32 and float64, `visit_number` also int32
/// and int64, `visit_mutable` floats whose data may be written.
template <template <class, class> class View>
class SparseArg : public CompressedArg {
public:
    using CompressedArg::CompressedArg;

    Size n_rows() const { return lies_by_rows ? n_lines() : line_length(); }
    Size n_cols() const { return lies_by_rows ? line_length() : n_lines(); }

    template <Indices use = Indices::trusted, class F>
    auto visit_real(F&& f) const {
        return visit<View, false, use, float, double>(n_lines(), line_length(), f);
    }
    template <Indices use = Indices::trusted, class F>
    auto visit_number(F&& f) const {
        return visit<View, false, use, float, double, std::int32_t, std::int64_t>(n_lines(), line_length(), f);
    }
    template <Indices use = Indices::trusted, class F>
    auto visit_mutable(F&& f) const {
        return visit<View, true, use, float, double>(n_lines(), line_length(), f);
    }

private:
    static constexpr bool lies_by_rows =
        std::is_same_v<View<const float, std::int32_t>, CsrView<const float, std::int32_t>>;
};

/// View over lines: both constructors take (data, indices, indptr, n_lines, line_length).
using CsrArg = SparseArg<CsrView>;
using CscArg = SparseArg<CscView>;

}  // namespace cellweave::bindings
