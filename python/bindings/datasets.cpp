#include <memory>
#include <utility>

#include "arrays.hpp"
#include "call.hpp"
#include "datasets/synthetic.hpp"
#include "module.hpp"

namespace cellweave::bindings {

namespace {

/// Hands the storage of a buffer to numpy.
template <class T>
Array<T> as_array(GrowingBuffer<T>&& buffer) {
    auto owner = std::make_unique<GrowingBuffer<T>>(std::move(buffer));
    const auto size = static_cast<py::ssize_t>(owner->size());
    T* const data = owner->data();
    const py::capsule release(owner.release(), [](void* kept) { delete static_cast<GrowingBuffer<T>*>(kept); });
    return Array<T>(size, data, release);
}

}  // namespace

void bind_datasets(py::module_& m) {
    m.def(
        "sample_counts",
        [](const Array<double>& profiles, const Array<std::int32_t>& profile_of_cell,
           const Array<double>& library_sizes, double dispersion, std::uint64_t seed, int threads) {
            const SampleCountsOptions options{dispersion, seed};
            auto counts =
                run([&, shares = matrix(profiles), rows = vector(profile_of_cell), sizes = vector(library_sizes)] {
                    return sample_counts(shares, rows, sizes, options, Threads{threads});
                });
            return py::make_tuple(as_array(std::move(counts.values)), as_array(std::move(counts.indices)),
                                  as_array(std::move(counts.indptr)));
        },
        py::arg("profiles").noconvert(), py::arg("profile_of_cell").noconvert(), py::arg("library_sizes").noconvert(),
        py::arg("dispersion"), py::arg("seed"), py::arg("threads"),
        "Returns data, indices and indptr of a CSR matrix.");
}

}  // namespace cellweave::bindings
