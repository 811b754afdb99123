#pragma once
#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <new>
#include <type_traits>
#include <utility>

#include "core/types.hpp"

namespace cellweave {

/// An array of unknown final length for results that fill much of the memory. Unlike std::vector it neither touches
/// what it reserves nor holds two copies while it grows: realloc() moves the pages of large blocks, not their bytes.
template <class T>
requires std::is_trivially_copyable_v<T>
class GrowingBuffer {
public:
    GrowingBuffer() = default;
    explicit GrowingBuffer(Size size) { resize(size); }
    GrowingBuffer(GrowingBuffer&& other) noexcept { swap(other); }
    GrowingBuffer& operator=(GrowingBuffer&& other) noexcept {
        swap(other);
        return *this;
    }
    ~GrowingBuffer() { std::free(data_); }

    T* data() { return data_; }
    const T* data() const { return data_; }
    Size size() const { return size_; }
    T& operator[](Size k) { return data_[k]; }
    const T& operator[](Size k) const { return data_[k]; }

    /// New elements are not initialised.
    void resize(Size size) {
        if (size > capacity_) reallocate(std::max(size, capacity_ + capacity_ / 2));
        size_ = size;
    }
    void shrink_to_fit() {
        if (size_ < capacity_) reallocate(size_);
    }

private:
    void reallocate(Size capacity) {
        // realloc(p, 0) may free p: keep one element.
        void* const moved = std::realloc(data_, static_cast<std::size_t>(std::max<Size>(capacity, 1)) * sizeof(T));
        if (moved == nullptr) throw std::bad_alloc();
        data_ = static_cast<T*>(moved);
        capacity_ = capacity;
    }
    void swap(GrowingBuffer& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        std::swap(capacity_, other.capacity_);
    }

    T* data_ = nullptr;
    Size size_ = 0;
    Size capacity_ = 0;
};

}  // namespace cellweave
