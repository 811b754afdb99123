#include "arrays.hpp"
#include "call.hpp"
#include "module.hpp"
#include "preprocess/normalize.hpp"

namespace cellweave::bindings {

void bind_preprocess(py::module_& m) {
    m.def(
        "row_sums",
        [](const CsrArg& counts, int threads) {
            auto totals = new_vector<double>(counts.n_lines());
            counts.visit_number([&](auto view) {
                const auto out = mutable_vector(totals);
                run([&] { row_sums(view, out, Threads{threads}); });
            });
            return totals;
        },
        py::arg("counts"), py::arg("threads"));
    m.def(
        "scale_rows",
        [](const CsrArg& counts, const Array<double>& factors, int threads) {
            counts.visit_mutable([&](auto view) {
                const auto by = vector(factors);
                run([&] { scale_rows(view, by, Threads{threads}); });
            });
        },
        py::arg("counts"), py::arg("factors").noconvert(), py::arg("threads"));
}

}  // namespace cellweave::bindings
