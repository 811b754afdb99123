#pragma once
#include <cstddef>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "core/large_pages.hpp"

namespace cellweave {

/// The standard allocator, but elements without a given value are left as they are, and many lie in large pages.
template <class T>
struct LeavingUntouched : std::allocator<T> {
    template <class U>
    struct rebind {
        using other = LeavingUntouched<U>;
    };

    LeavingUntouched() = default;
    template <class U>
    LeavingUntouched(const LeavingUntouched<U>&) {}

    T* allocate(std::size_t n) {
        T* const elements = std::allocator<T>::allocate(n);
        prefer_large_pages(elements, n * sizeof(T));
        return elements;
    }

    void construct(T* element) { ::new (static_cast<void*>(element)) T; }
    template <class... Values>
    void construct(T* element, Values&&... values) {
        ::new (static_cast<void*>(element)) T(std::forward<Values>(values)...);
    }
};

/// A std::vector whose resize() leaves new elements uninitialised, for the threads that fill it to touch first.
template <class T>
using UntouchedVector = std::vector<T, LeavingUntouched<T>>;

}  // namespace cellweave
