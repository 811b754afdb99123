#include "arrays.hpp"
#include "call.hpp"
#include "integrate/box_sampler.hpp"
#include "integrate/covering_grid.hpp"
#include "module.hpp"

namespace cellweave::bindings {

namespace {

py::dict covering_grid_of(const py::array& points, Size n_boxes, double tolerance, Size max_iterations, int threads) {
    const CoveringGridOptions options{n_boxes, tolerance, max_iterations};
    CoveringGrid grid = visit_real(
        points, [&](auto view) { return run([&] { return covering_grid(view, options, Threads{threads}); }); });
    py::list steps;
    for (const auto& step : grid.steps) steps.append(py::make_tuple(step.length, step.n_boxes));
    py::dict result;
    result["box_of_point"] = as_array(std::move(grid.box_of_point));
    result["intervals"] = as_array(std::move(grid.intervals));
    result["n_boxes"] = grid.n_boxes;
    result["converged"] = grid.converged;
    result["steps"] = steps;
    return result;
}

}  // namespace

void bind_geosketch(py::module_& m) {
    m.def("covering_grid", &covering_grid_of, py::arg("points").noconvert(), py::arg("n_boxes"), py::arg("tolerance"),
          py::arg("max_iterations"), py::arg("threads"));
    py::class_<BoxSampler>(m, "BoxSampler")
        .def(py::init([](const Array<std::int32_t>& box_of_point, Size n_boxes, bool replace) {
                 return run([&, boxes = vector(box_of_point)] { return BoxSampler(boxes, n_boxes, replace); });
             }),
             py::arg("box_of_point").noconvert(), py::arg("n_boxes"), py::arg("replace"))
        .def_property_readonly("needs_round", &BoxSampler::needs_round)
        .def("boxes_with_points", [](const BoxSampler& sampler) { return as_array(sampler.boxes_with_points()); })
        .def(
            "start_round",
            [](BoxSampler& sampler, const Array<std::int32_t>& boxes) { sampler.start_round(vector(boxes)); },
            py::arg("boxes").noconvert())
        .def(
            "draw",
            [](BoxSampler& sampler, const Array<std::uint32_t>& words, Size wanted) {
                std::vector<std::int32_t> drawn;
                const Size used = run([&, bits = vector(words)] { return sampler.draw(bits, wanted, drawn); });
                return py::make_tuple(as_array(std::move(drawn)), used);
            },
            py::arg("words").noconvert(), py::arg("wanted"),
            "Draws up to `wanted` points of this round; returns them and the number of words used.");
}

}  // namespace cellweave::bindings
