#include "core/parallel.hpp"

#include <omp.h>

#include <atomic>
#include <exception>
#include <limits>

#include "core/monitor.hpp"
#include "core/placement.hpp"

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

/// Hands out chunks in rising order and keeps the exception of the lowest chunk that threw.
class Job {
public:
    Job(Size n_chunks, ChunkBody body) : n_chunks_(n_chunks), body_(body) {}

    void work(bool is_calling_thread) {
        // A chunk that was taken is run, whatever stops the others: so the lowest that throws is always found.
        while (!stopped_.load(std::memory_order_relaxed)) {
            const Size chunk = next_.fetch_add(1, std::memory_order_relaxed);
            if (chunk >= n_chunks_) return;
            try {
                if (is_calling_thread) Monitor::poll();
                body_(chunk);
            } catch (...) {
                fail(chunk);
            }
        }
    }

    void rethrow() {
        if (failure_) std::rethrow_exception(failure_);
    }

private:
    void fail(Size chunk) {
        stopped_.store(true, std::memory_order_relaxed);
        const std::lock_guard lock(mutex_);
        if (chunk >= failed_chunk_) return;
        failed_chunk_ = chunk;
        failure_ = std::current_exception();
    }

    const Size n_chunks_;
    const ChunkBody body_;
    std::atomic<Size> next_{0};
    std::atomic<bool> stopped_{false};
    std::mutex mutex_;
    Size failed_chunk_ = std::numeric_limits<Size>::max();
    std::exception_ptr failure_;
};

thread_local bool inside_a_loop = false;

/// Has `n_threads` threads, the calling one among them, work on the job.
void work_together(Job& job, int n_threads) {
    const auto work = [&job](bool is_calling_thread) {
        const bool before = std::exchange(inside_a_loop, true);
        job.work(is_calling_thread);
        inside_a_loop = before;
    };
#if defined(__SANITIZE_THREAD__)
    // GNU OpenMP is not instrumented, so the sanitizer would not see how its threads wait for each other.
    std::vector<std::thread> others;
    for (int k = 1; k < n_threads; ++k) others.emplace_back(work, false);
    work(true);
    for (auto& other : others) other.join();
#else
    const Placement placement;
#pragma omp parallel num_threads(n_threads)
    {
        const bool is_calling_thread = omp_get_thread_num() == 0;
        placement.take(is_calling_thread);
        work(is_calling_thread);
    }
#endif
}

}  // namespace

void run_chunks(Size n_chunks, Threads threads, ChunkBody body) {
    if (!inside_a_loop) Monitor::poll();
    Job job(n_chunks, body);
    if (inside_a_loop || threads.count <= 1 || n_chunks <= 1) {
        job.work(!inside_a_loop);
    } else {
        const int most = std::max(64, omp_get_num_procs());  // OpenMP ends the process when it cannot start a thread
        work_together(job, static_cast<int>(std::min<Size>(std::min(threads.count, most), n_chunks)));
    }
    job.rethrow();
}

}  // namespace cellweave::detail
