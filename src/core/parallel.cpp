#include "core/parallel.hpp"

#include <omp.h>

#include <atomic>
#include <exception>
#include <limits>

#include "core/monitor.hpp"

#if defined(__unix__)
#include <pthread.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace cellweave::detail {

namespace {

// libgomp is not instrumented: tell the thread sanitizer about the fork and join of a parallel region.
#if defined(__SANITIZE_THREAD__)
void happens_before(void* point) { __tsan_release(point); }
void happens_after(void* point) { __tsan_acquire(point); }
#else
void happens_before(void*) {}
void happens_after(void*) {}
#endif

// GNU OpenMP's worker threads do not survive fork(), and the child would wait for them for ever. Give them back
// just before forking; parent and child start new ones when they next need them.
// (LLVM's libomp does the same by itself.)
#if defined(__unix__) && defined(__GNUC__) && !defined(__clang__)
[[maybe_unused]] const int fork_handler = pthread_atfork([] { omp_pause_resource_all(omp_pause_soft); }, nullptr, nullptr);
#endif

/// Hands out chunks in rising order and keeps the exception of the lowest chunk that threw.
class Job {
public:
    Job(Size n_chunks, ChunkBody body) : n_chunks_(n_chunks), body_(body) {}

    void work(bool is_calling_thread) {
        for (;;) {
            const Size chunk = next_.fetch_add(1, std::memory_order_relaxed);
            if (chunk >= n_chunks_ || stopped_.load(std::memory_order_relaxed)) return;
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

}  // namespace

void run_chunks(Size n_chunks, Threads threads, ChunkBody body) {
    Job job(n_chunks, body);
    const bool nested = omp_in_parallel() != 0;
    const int n_threads = nested ? 1 : static_cast<int>(std::min<Size>(threads.count, n_chunks));
    if (n_threads <= 1) {
        job.work(!nested);
    } else {
        happens_before(&job);
#pragma omp parallel num_threads(n_threads)
        {
            happens_after(&job);
            job.work(omp_get_thread_num() == 0);
            happens_before(&job);
        }
        happens_after(&job);
    }
    job.rethrow();
}

}  // namespace cellweave::detail
