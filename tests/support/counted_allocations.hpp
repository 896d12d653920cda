// Counts what a test program allocates through operator new. To be included in one file of a program: it replaces the
// operators, but under sanitizers, where nothing is counted.
#pragma once

#include "support/sanitized.hpp"

#include <atomic>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <new>

namespace testing {

inline std::atomic<std::size_t> allocations{0};

// True, and said to be skipped, where nothing is counted.
inline bool nothing_allocated_since(std::size_t before) {
    if (HAS_SANITIZER_ALLOCATOR) {
        std::puts("skipped: allocations are not counted under a sanitizer");
        return true;
    }
    return allocations == before;
}

}  // namespace testing

#if !HAS_SANITIZER_ALLOCATOR
// Inlined, GCC takes malloc and operator delete for a mismatch.
[[gnu::noinline]] void* operator new(std::size_t size) {
    ++testing::allocations;
    if (void* memory = std::malloc(size != 0 ? size : 1)) {
        return memory;
    }
    throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
#endif
