#include "core/monitor.hpp"

#include <utility>

namespace cellweave {

namespace {
thread_local Monitor* current = nullptr;
constexpr auto look_every = std::chrono::milliseconds(50);
}  // namespace

Monitor* Monitor::install(Monitor* monitor) {
    return std::exchange(current, monitor);
}

void Monitor::poll() {
    Monitor* const monitor = current;
    if (monitor == nullptr || monitor->uninterrupted_ > 0) return;
    const auto now = std::chrono::steady_clock::now();
    if (now - monitor->last_look_ < look_every) return;
    monitor->last_look_ = now;
    monitor->check_interrupt();
    if (monitor->stage_ != nullptr) monitor->stage_->show(*monitor);
}

Progress::Progress(std::string stage, Size total) : name_(std::move(stage)), total_(total), monitor_(current) {
    if (monitor_ == nullptr) return;
    outer_ = std::exchange(monitor_->stage_, this);
}

Progress::~Progress() {
    if (monitor_ != nullptr) monitor_->stage_ = outer_;
}

void Progress::show(Monitor& monitor) const {
    monitor.report(name_, done_.load(std::memory_order_relaxed), total_);
}

Uninterrupted::Uninterrupted() : monitor_(current) {
    if (monitor_ != nullptr) ++monitor_->uninterrupted_;
}

Uninterrupted::~Uninterrupted() {
    if (monitor_ != nullptr) --monitor_->uninterrupted_;
}

}  // namespace cellweave
