#include "module.hpp"

#include <Eigen/Core>
#include <string>

#include "core/error.hpp"

namespace cellweave::bindings {

py::object& progress_callback() {
    // Leaked on purpose: it must outlive the interpreter's own clean-up of thread-local objects.
    thread_local auto* callback = new py::object(py::none());
    return *callback;
}

/// What the extension was built for and with.
py::dict build_info() {
    py::dict info;
    info["variant"] = CELLWEAVE_VARIANT;
#if defined(__clang__)
    info["compiler"] = "clang " __clang_version__;
#elif defined(__GNUC__)
    info["compiler"] = "gcc " __VERSION__;
#else
    info["compiler"] = "other";
#endif
    info["openmp"] = _OPENMP;
    info["eigen"] = std::to_string(EIGEN_MAJOR_VERSION) + "." + std::to_string(EIGEN_MINOR_VERSION) + "." +
                    std::to_string(EIGEN_PATCH_VERSION);
    info["simd"] = Eigen::SimdInstructionSetsInUse();
    return info;
}

}  // namespace cellweave::bindings

PYBIND11_MODULE(CELLWEAVE_MODULE, m) {
    using namespace cellweave::bindings;
    // Block sizes of matrix products decide the order of their sums: fix them, or the CPU's cache would.
    Eigen::setCpuCacheSizes(32 * 1024, 512 * 1024, 4 * 1024 * 1024);

    py::register_exception<cellweave::Cancelled>(m, "Cancelled", PyExc_KeyboardInterrupt);
    m.def("build_info", &build_info);
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
    bind_rank(m);
    bind_regress(m);
}
