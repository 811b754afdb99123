#pragma once
#include <atomic>
#include <chrono>
#include <string>

#include "core/types.hpp"

namespace cellweave {

class Progress;

/// What the calling thread looks at now and then while the engine works: has the user pressed Ctrl-C, and how far are
/// we. The Python bindings install one per call; without one, polling costs a pointer test.
class Monitor {
public:
    virtual ~Monitor() = default;

    /// Throws (Cancelled or the binding's own exception) if the user asked to stop.
    virtual void check_interrupt() = 0;
    /// Shows that `done` of `total` steps of the stage are behind us.
    virtual void report(const std::string& stage, Size done, Size total) = 0;

    /// Runs both at most every 50 ms; called between chunks by the thread that called the engine.
    static void poll();
    /// Installs `monitor` for the calling thread and returns the one before it.
    static Monitor* install(Monitor* monitor);

private:
    friend class Progress;
    friend class Uninterrupted;
    std::chrono::steady_clock::time_point last_look_{};
    Progress* stage_ = nullptr;
    int uninterrupted_ = 0;
};

/// A stage of a long computation: counts steps from any thread; the calling thread shows them when it polls.
class Progress {
public:
    Progress(std::string stage, Size total);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    void advance(Size steps = 1) { done_.fetch_add(steps, std::memory_order_relaxed); }

private:
    friend class Monitor;
    void show(Monitor& monitor) const;

    std::string name_;
    Size total_;
    std::atomic<Size> done_{0};
    Monitor* monitor_;
    Progress* outer_ = nullptr;
};

/// While one lives, Ctrl-C waits. For the short phase in which a caller's buffer is rewritten in place, so that a
/// cancelled call leaves the data either as before or finished.
class Uninterrupted {
public:
    Uninterrupted();
    ~Uninterrupted();
    Uninterrupted(const Uninterrupted&) = delete;
    Uninterrupted& operator=(const Uninterrupted&) = delete;

private:
    Monitor* monitor_;
};

}  // namespace cellweave
