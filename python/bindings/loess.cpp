#include "linalg/loess.hpp"

#include "arrays.hpp"
#include "call.hpp"
#include "module.hpp"

namespace cellweave::bindings {

void bind_loess(py::module_& m) {
    m.def(
        "loess",
        [](const Array<double>& x, const Array<double>& y, double span, int threads) {
            const auto xs = vector(x);
            const auto ys = vector(y);
            return as_array(run([&] { return loess(xs, ys, {.span = span}, Threads{threads}); }));
        },
        py::arg("x").noconvert(), py::arg("y").noconvert(), py::arg("span"), py::arg("threads"));
}

}  // namespace cellweave::bindings
