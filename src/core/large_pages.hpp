#pragma once
#include <cstddef>

namespace cellweave {

/// Asks the system to lay memory that nothing has touched yet into large pages (2 MB in place of 4 KB), of which it
/// clears fewer and finds faster. For what will be filled from end to end. Small pieces of memory, and systems that
/// have no such pages, are left as they are.
void prefer_large_pages(void* memory, std::size_t n_bytes);

}  // namespace cellweave
