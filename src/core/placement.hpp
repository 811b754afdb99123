#pragma once

namespace cellweave {

/// Sees to it that the threads of a parallel region start on cores of their own.
///
/// Linux wakes a sleeping thread on the core of its waker if it takes the idle ones for not to be had; in virtual
/// machines it does so often, since a halted virtual core counts as preempted. The thread then waits there, beside an
/// idle core, until the scheduler notices after one or two ticks of 4 to 10 ms: longer than many steps take. So the
/// calling thread of a region lets such threads have its core once, and they leave it. Only after a pause: within it
/// OpenMP's threads stay awake. Elsewhere than on Linux nothing is done.
class Placement {
public:
    /// By the calling thread, before the region; it lives until the region has ended.
    Placement();
    ~Placement();
    Placement(const Placement&) = delete;
    Placement& operator=(const Placement&) = delete;

    /// By every thread of the region, first of all. Leaves the cores that a thread may use as they are.
    void take(bool is_calling_thread) const;

private:
    int callers_core_ = -1;  // -1: nothing is to be done
};

}  // namespace cellweave
