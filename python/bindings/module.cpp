#include "module.hpp"

#include <Eigen/Core>

#include "core/error.hpp"

namespace cellweave::bindings {

py::object& progress_callback() {
    // Leaked on purpose: it must outlive the interpreter's own clean-up of thread-local objects.
    thread_local auto* callback = new py::object(py::none());
    return *callback;
}

}  // namespace cellweave::bindings

PYBIND11_MODULE(CELLWEAVE_MODULE, m) {
    using namespace cellweave::bindings;
    // Block sizes of matrix products decide the order of their sums: fix them, or the CPU's cache would.
    Eigen::setCpuCacheSizes(32 * 1024, 512 * 1024, 4 * 1024 * 1024);

    py::register_exception<cellweave::Cancelled>(m, "Cancelled", PyExc_KeyboardInterrupt);
    bind_cluster(m);
    bind_core(m);
    bind_datasets(m);
    bind_embedding(m);
    bind_geosketch(m);
    bind_integrate(m);
    bind_linalg(m);
    bind_loess(m);
    bind_moments(m);
    bind_neighbors(m);
    bind_pca(m);
    bind_pearson_residuals(m);
    bind_preprocess(m);
    bind_regress(m);
}
