#include <pybind11/stl.h>

#include "arrays.hpp"
#include "call.hpp"
#include "core/finite.hpp"
#include "module.hpp"
#include "sparse/check.hpp"

namespace cellweave::bindings {

namespace {

template <template <class, class> class View>
void bind_compressed(py::module_& m, const char* name) {
    py::class_<SparseArg<View>>(m, name)
        .def(py::init<py::array, py::array, py::array, Size, Size, std::string, int, bool>(),
             py::arg("data").noconvert(), py::arg("indices").noconvert(), py::arg("indptr").noconvert(),
             py::arg("n_lines"), py::arg("line_length"), py::arg("name"), py::arg("threads"),
             py::arg("check_indices") = true)
        .def("is_canonical", &CompressedArg::is_canonical);
}

}  // namespace

CompressedArg::CompressedArg(py::array data, py::array indices, py::array indptr, Size n_lines, Size line_length,
                             std::string name, int threads, bool check_indices)
    : data_(std::move(data)),
      indices_(std::move(indices)),
      indptr_(std::move(indptr)),
      n_lines_(n_lines),
      line_length_(line_length),
      name_(std::move(name)),
      threads_(threads) {
    const auto is_flat = [](const py::array& array) {
        return array.ndim() == 1 && (array.size() < 2 || array.strides(0) == array.itemsize());
    };
    require(is_flat(data_) && is_flat(indices_) && is_flat(indptr_),
            name_ + ": data, indices and indptr must be contiguous one-dimensional arrays");
    require(indices_.dtype().equal(indptr_.dtype()), name_ + ": indices and indptr have different dtypes");
    require(indptr_.size() == n_lines + 1, name_ + ": indptr has " + std::to_string(indptr_.size()) +
                                               " entries, expected " + std::to_string(n_lines + 1));
    const Size n_stored = std::min<Size>(data_.size(), indices_.size());
    visit_dtype<std::int32_t, std::int64_t>(indptr_, "indptr", [&]<class I>(std::type_identity<I>) {
        const auto* indptr_data = static_cast<const I*>(indptr_.data());
        run([&] { check_lines(indptr_data, n_lines, n_stored, name_, Threads{threads_}); });
    });
    if (check_indices) this->check_indices();
}

void CompressedArg::check_indices() const {
    if (are_indices_checked_) return;
    visit_dtype<std::int32_t, std::int64_t>(indptr_, "indptr", [&]<class I>(std::type_identity<I>) {
        const auto* index_data = static_cast<const I*>(indices_.data());
        const Size nnz = static_cast<Size>(static_cast<const I*>(indptr_.data())[n_lines_]);
        run([&] { cellweave::check_indices(index_data, nnz, line_length_, name_, Threads{threads_}); });
    });
    are_indices_checked_ = true;
}

bool CompressedArg::is_canonical() const {
    const bool is_rising = explain([&] {
        return visit_dtype<std::int32_t, std::int64_t>(indptr_, "indptr", [&]<class I>(std::type_identity<I>) {
            const auto* index_data = static_cast<const I*>(indices_.data());
            const auto* indptr_data = static_cast<const I*>(indptr_.data());
            return run([&] {
                return cellweave::is_canonical(index_data, indptr_data, n_lines_, line_length_, Threads{threads_});
            });
        });
    });
    are_indices_checked_ = true;
    return is_rising;
}

void bind_core(py::module_& m) {
    m.def(
        "set_progress",
        [](py::object callback) {
            std::swap(progress_callback(), callback);
            return callback;
        },
        "Sets the progress callback of this thread; returns the one before it.");
    m.def(
        "all_finite",
        [](const py::array& values, int threads) {
            return visit_dtype<float, double>(values, "values", [&]<class T>(std::type_identity<T>) {
                const auto span = vector(as_it_is<T>(values));
                return run([&] { return all_finite(span, Threads{threads}); });
            });
        },
        py::arg("values").noconvert(), py::arg("threads"));
    bind_compressed<CsrView>(m, "Csr");
    bind_compressed<CscView>(m, "Csc");
}

}  // namespace cellweave::bindings
