#include "core/parallel.hpp"

#include <omp.h>

#include <atomic>
#include <exception>
#include <limits>

#include "core/monitor.hpp"
#include "core/placement.hpp"
#include "core/shares.hpp"

#if defined(__unix__)
#include <pthread.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <thread>
#endif

namespace cellweave::detail {

namespace {

// GNU OpenMP's worker threads do not survive fork(), and the child would wait for them for ever. Give them back
// just before forking; parent and child start new ones when they next need them.
// (LLVM's libomp does the same by itself.)
#if defined(__unix__) && defined(__GNUC__) && !defined(__clang__)
[[maybe_unused]] const int fork_handler =
    pthread_atfork([] { omp_pause_resource_all(omp_pause_soft); }, nullptr, nullptr);
#endif

/// Runs the chunks, and keeps the exception of the lowest one that threw, or that of the Monitor.
class Job {
public:
    Job(Size n_chunks, int n_shares, ChunkBody body) : shares_(n_chunks, n_shares), body_(body) {}

    void work(int thread, bool polls) {
        while (const auto chunk = shares_.take(thread)) {
            // Chunks below the lowest that threw are still run, for they may throw too.
            if (*chunk > failed_chunk_.load(std::memory_order_relaxed)) continue;
            Size failing = before_all;
            try {
                if (polls) Monitor::poll();
                failing = *chunk;
                body_(*chunk);
            } catch (...) {
                fail(failing);
            }
        }
    }

    void rethrow() {
        if (failure_) std::rethrow_exception(failure_);
    }

private:
    static constexpr Size before_all = -1;

    void fail(Size chunk) {
        const std::lock_guard lock(mutex_);
        if (chunk >= failed_chunk_.load(std::memory_order_relaxed)) return;
        failed_chunk_.store(chunk, std::memory_order_relaxed);
        failure_ = std::current_exception();
    }

    Shares shares_;
    const ChunkBody body_;
    std::atomic<Size> failed_chunk_{std::numeric_limits<Size>::max()};
    std::mutex mutex_;
    std::exception_ptr failure_;
};

thread_local bool inside_a_loop = false;

/// Has `n_threads` threads, the calling one among them, work on the job.
void work_together(Job& job, int n_threads) {
    const auto work = [&job](int thread) {
        const bool before = std::exchange(inside_a_loop, true);
        job.work(thread, thread == 0);
        inside_a_loop = before;
    };
#if defined(__SANITIZE_THREAD__)
    // GNU OpenMP is not instrumented, so the sanitizer would not see how its threads wait for each other.
    std::vector<std::thread> others;
    for (int k = 1; k < n_threads; ++k) others.emplace_back(work, k);
    work(0);
    for (auto& other : others) other.join();
#else
    const Placement placement;
#pragma omp parallel num_threads(n_threads)
    {
        const int thread = omp_get_thread_num();
        placement.take(thread == 0);
        work(thread);
    }
#endif
}

}  // namespace

void run_chunks(Size n_chunks, Threads threads, Order order, ChunkBody body) {
    if (!inside_a_loop) Monitor::poll();
    const int most = std::max(64, omp_get_num_procs());  // OpenMP ends the process when it cannot start a thread
    const Size n_wanted = inside_a_loop ? 1 : std::min<Size>(std::min(threads.count, most), n_chunks);
    const int n_threads = std::max(1, static_cast<int>(n_wanted));
    Job job(n_chunks, order == Order::rising ? 1 : n_threads, body);
    if (n_threads == 1) {
        job.work(0, !inside_a_loop);
    } else {
        work_together(job, n_threads);
    }
    job.rethrow();
}

}  // namespace cellweave::detail
