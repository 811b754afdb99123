#pragma once
#include <pybind11/pybind11.h>

#include <string>
#include <utility>

#include "core/monitor.hpp"

namespace cellweave::bindings {

namespace py = pybind11;

/// Lets a running engine call see Ctrl-C and show its progress. Takes the GIL for each look.
class PythonMonitor final : public Monitor {
public:
    explicit PythonMonitor(py::handle report) : report_(report), previous_(Monitor::install(this)) {}
    ~PythonMonitor() override { Monitor::install(previous_); }
    PythonMonitor(const PythonMonitor&) = delete;
    PythonMonitor& operator=(const PythonMonitor&) = delete;

    void check_interrupt() override {
        const py::gil_scoped_acquire gil;
        if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    }
    void report(const std::string& stage, Size done, Size total) override {
        const py::gil_scoped_acquire gil;
        if (!report_.is_none()) report_(stage, done, total);
    }

private:
    py::handle report_;
    Monitor* previous_;
};

/// The callable (stage, done, total) that shows progress on this Python thread, or None. Set by cellweave._progress.
py::object& progress_callback();

/// Runs `work` without the GIL, with Ctrl-C and progress connected. Every call of the engine goes through here.
template <class Work>
auto run(Work&& work) {
    const py::object callback = progress_callback();
    PythonMonitor monitor(callback);
    const py::gil_scoped_release nogil;
    return work();
}

}  // namespace cellweave::bindings
