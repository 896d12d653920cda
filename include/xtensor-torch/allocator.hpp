// LibTorch allocates host memory through an allocator of its own, aligned for vector instructions and seen by its
// memory profiler; xtensor's containers take any standard allocator. This file joins the two, so that a container
// which is adopted later hands over memory that LibTorch itself would have made.
#pragma once

#include <xtensor-torch/compatibility/language.hpp>

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/alignment.h>

#include <cstddef>
#include <limits>
#include <new>
#include <type_traits>

namespace xtt {

namespace detail {

// xtensor's buffers exchange their memory and leave their allocators where they are, so any allocator must be able
// to free what another one made: all of them keep to the one that LibTorch had at the first use.
inline c10::Allocator& host_allocator() {
    static c10::Allocator& allocator = *c10::GetCPUAllocator();
    return allocator;
}

}  // namespace detail

/// A standard allocator over LibTorch's CPU allocator: `xt::xtensor<T, N, L, xtt::allocator<T>>`,
/// `xt::xarray<T, L, xtt::allocator<T>>`, `std::vector<T, xtt::allocator<T>>`.
///
/// Memory starts at a multiple of c10::gAlignment bytes (64; 16 on mobile systems), also through `adopt`. All
/// allocators are equal. An allocator set with c10::SetCPUAllocator is used when it was set before the first
/// allocation made here.
///
/// `allocate` throws std::bad_array_new_length for a size that no memory can have, and what LibTorch throws
/// (c10::Error) where memory runs out.
template <class T>
class allocator {
public:
    static_assert(alignof(T) <= c10::gAlignment,
                  "LibTorch's memory is aligned to c10::gAlignment bytes, and this type asks for more: use another "
                  "allocator for it");

    using value_type = T;  ///< what is allocated
    /// Any allocator frees what another one allocated.
    using is_always_equal = std::true_type;

    constexpr allocator() noexcept = default;
    /// The allocator of another type, as containers ask for it.
    template <class U>
    constexpr allocator(const allocator<U>&) noexcept {}

    /// Uninitialised memory for `count` elements, which the caller gives back to `deallocate`.
    T* allocate(std::size_t count) {
        if (count > std::numeric_limits<std::size_t>::max() / sizeof(T)) {
            throw std::bad_array_new_length();
        }
        return static_cast<T*>(detail::host_allocator().raw_allocate(count * sizeof(T)));
    }

    /// Frees what `allocate` of any of these allocators returned.
    void deallocate(T* memory, std::size_t) noexcept { detail::host_allocator().raw_deallocate(memory); }

    /// Always true.
    template <class U>
    friend constexpr bool operator==(const allocator&, const allocator<U>&) noexcept {
        return true;
    }
};

}  // namespace xtt
