#include <cstdio>
#include <exception>

#include "check.hpp"

/// Runs all tests, or those whose name contains the first argument.
int main(int argc, char** argv) {
    const std::string wanted = argc > 1 ? argv[1] : "";
    int n_passed = 0;
    int n_failed = 0;
    for (const auto& test : check::tests()) {
        if (test.name.find(wanted) == std::string::npos) continue;
        try {
            test.body();
            ++n_passed;
        } catch (const std::exception& error) {
            ++n_failed;
            std::printf("FAILED %s\n    %s\n", test.name.c_str(), error.what());
        }
    }
    std::printf("%d passed, %d failed\n", n_passed, n_failed);
    return n_failed == 0 && n_passed > 0 ? 0 : 1;
}
