#pragma once
#include <pybind11/pybind11.h>

/// bind_<file> is in the file of that name, which binds what its first include declares, and what goes with it.
namespace cellweave::bindings {

namespace py = pybind11;

void bind_cluster(py::module_& m);
void bind_core(py::module_& m);
void bind_datasets(py::module_& m);
void bind_embedding(py::module_& m);
void bind_geosketch(py::module_& m);
void bind_integrate(py::module_& m);
void bind_linalg(py::module_& m);
void bind_loess(py::module_& m);
void bind_moments(py::module_& m);
void bind_neighbors(py::module_& m);
void bind_pca(py::module_& m);
void bind_pearson_residuals(py::module_& m);
void bind_preprocess(py::module_& m);
void bind_rank(py::module_& m);
void bind_regress(py::module_& m);

}  // namespace cellweave::bindings
