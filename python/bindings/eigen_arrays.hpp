#pragma once
#include "arrays.hpp"
#include "linalg/eigen_views.hpp"

namespace cellweave::bindings {

/// Hands the storage of an Eigen matrix to numpy.
template <class T>
Array<T> as_array(RowMatrix<T>&& values) {
    auto owner = std::make_unique<RowMatrix<T>>(std::move(values));
    const py::ssize_t n_rows = owner->rows();
    const py::ssize_t n_cols = owner->cols();
    T* const data = owner->data();
    const py::capsule release(owner.release(), [](void* matrix) { delete static_cast<RowMatrix<T>*>(matrix); });
    return Array<T>({n_rows, n_cols}, data, release);
}

}  // namespace cellweave::bindings
