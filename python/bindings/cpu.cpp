// What this CPU can do. Compiled for the plain baseline: importing it is safe everywhere.
#include <pybind11/pybind11.h>

#include <string>

namespace {

std::string best_variant() {
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
    __builtin_cpu_init();
    const bool v2 =
        __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("ssse3") && __builtin_cpu_supports("popcnt");
    const bool v3 = v2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                    __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
    return v3 ? "v3" : v2 ? "v2" : "none";
#else
    return "plain";
#endif
}

}  // namespace

PYBIND11_MODULE(_cpu, m) {
    m.def("best_variant", &best_variant, "The best instruction-set variant of the engine that this CPU runs.");
}
