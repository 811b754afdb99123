#include "core/large_pages.hpp"

#if defined(__linux__)

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

namespace cellweave {

void prefer_large_pages(void* memory, std::size_t n_bytes) {
    constexpr std::size_t least_bytes = std::size_t{1} << 22;
    if (n_bytes < least_bytes) return;
    const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    const auto begin = (reinterpret_cast<std::uintptr_t>(memory) + page - 1) / page * page;
    const auto end = (reinterpret_cast<std::uintptr_t>(memory) + n_bytes) / page * page;
    madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
}

}  // namespace cellweave

#else

namespace cellweave {

void prefer_large_pages(void*, std::size_t) {}

}  // namespace cellweave

#endif
