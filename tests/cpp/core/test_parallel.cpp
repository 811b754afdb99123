#include <atomic>
#include <chrono>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sched.h>
#endif

#include "check.hpp"
#include "core/error.hpp"
#include "core/monitor.hpp"
#include "core/parallel.hpp"

using namespace cellweave;

TEST("parallel_for visits every item once at any thread count") {
    for (const int threads : {1, 2, 3, 8}) {
        std::vector<int> visits(10007, 0);
        parallel_for(10007, Grain{64}, Threads{threads}, [&](Range items) {
            for (const Size item : items) ++visits[static_cast<std::size_t>(item)];
        });
        for (const int count : visits) CHECK(count == 1);
    }
}

TEST("parallel_for does nothing for no items") {
    parallel_for(0, Grain{64}, Threads{4}, [](Range) { throw std::logic_error("called"); });
}

TEST("parallel_reduce gives the same bytes at any thread count") {
    std::vector<double> values(100000);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = 1.0 / static_cast<double>(i + 1);
    const auto sum = [&](int threads) {
        return parallel_reduce(
            static_cast<Size>(values.size()), Grain{777}, Threads{threads},
            [&](Range items) {
                double partial = 0;
                for (const Size item : items) partial += values[static_cast<std::size_t>(item)];
                return partial;
            },
            [](double& total, double&& partial) { total += partial; });
    };
    const double one = sum(1);
    for (const int threads : {2, 3, 8}) CHECK(sum(threads) == one);
}

TEST("the exception of the lowest chunk crosses the loop") {
    for (const int threads : {1, 2, 8}) {
        std::string caught;
        try {
            parallel_for(1000, Grain{1}, Threads{threads}, [](Range items) {
                if (items.begin_item >= 100) throw std::runtime_error(std::to_string(items.begin_item));
            });
        } catch (const std::runtime_error& error) {
            caught = error.what();
        }
        CHECK(caught == "100");
    }
}

TEST("a nested loop runs on its caller") {
    std::atomic<Size> total{0};
    parallel_for(8, Grain{1}, Threads{4},
                 [&](Range) { parallel_for(100, Grain{10}, Threads{4}, [&](Range items) { total += items.size(); }); });
    CHECK(total == 800);
}

namespace {
struct Impatient final : Monitor {
    Impatient() : before(install(this)) {}
    ~Impatient() override { install(before); }
    void check_interrupt() override { throw Cancelled(); }
    void report(const std::string&, Size, Size) override {}
    Monitor* before;
};
}  // namespace

TEST("a cancelled loop throws, and an uninterrupted one finishes") {
    const Impatient impatient;
    std::atomic<Size> visited{0};
    const auto work = [&] { parallel_for(1000, Grain{1}, Threads{2}, [&](Range) { ++visited; }); };
    {
        const Uninterrupted guard;
        work();
    }
    CHECK(visited == 1000);
    CHECK_THROWS(Cancelled, work());
}

#if defined(__linux__)
TEST("threads that were moved to cores of their own may use the same cores as before") {
    std::vector<cpu_set_t> allowed(64);
    for (int round = 0; round < 5; ++round) {
        std::this_thread::sleep_for(std::chrono::milliseconds(40));  // OpenMP's threads fall asleep
        parallel_for(64, Grain{1}, Threads{4}, [&](Range items) {
            for (const Size item : items) {
                const auto slot = static_cast<std::size_t>(item);
                CHECK(sched_getaffinity(0, sizeof(cpu_set_t), &allowed[slot]) == 0);
            }
        });
        for (const cpu_set_t& cores : allowed) CHECK(CPU_EQUAL(&cores, &allowed[0]));
    }
    cpu_set_t of_caller;
    CHECK(sched_getaffinity(0, sizeof of_caller, &of_caller) == 0);
    CHECK(CPU_EQUAL(&of_caller, &allowed[0]));
}
#endif
