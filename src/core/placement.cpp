#include "core/placement.hpp"

#if defined(__linux__)

#include <sched.h>

#include <chrono>

namespace cellweave {

namespace {

using Clock = std::chrono::steady_clock;

/// Less than OpenMP's threads stay awake for.
constexpr std::chrono::milliseconds longest_pause{2};

thread_local Clock::time_point end_of_last;

/// Moves this thread away from `core`, if it may use another.
void leave(int core) {
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
    cpu_set_t others = allowed;
    CPU_CLR(static_cast<unsigned>(core), &others);
    if (CPU_COUNT(&others) == 0) return;
    if (sched_setaffinity(0, sizeof others, &others) == 0) sched_setaffinity(0, sizeof allowed, &allowed);
}

}  // namespace

Placement::Placement() {
    if (Clock::now() - end_of_last > longest_pause) callers_core_ = sched_getcpu();
}

Placement::~Placement() {
    end_of_last = Clock::now();
}

void Placement::take(bool is_calling_thread) const {
    if (callers_core_ < 0) return;
    if (is_calling_thread) {
        sched_yield();
    } else if (sched_getcpu() == callers_core_) {
        leave(callers_core_);
    }
}

}  // namespace cellweave

#else

namespace cellweave {

Placement::Placement() = default;
Placement::~Placement() = default;
void Placement::take(bool) const {}

}  // namespace cellweave

#endif
