// A storage of LibTorch may get other memory while tensors look at it: when it is resized, and when its memory is
// shared with a lazy clone and written to. A view keeps an address. This file holds the memory where the address says
// it is.
#pragma once

#include <xtensor-torch/memory/requirements.hpp>

#include <ATen/core/Tensor.h>
#include <c10/core/Allocator.h>
#include <c10/core/Storage.h>
#include <c10/core/impl/COW.h>

#include <cstddef>
#include <utility>

namespace xtt::detail {

// The storage a view has to hold. LibTorch may hand a copy-on-write storage another buffer when it is written to,
// and free the one a view looks at; a lazy clone of the storage shares that buffer and keeps it.
inline c10::Storage storage_to_hold(const at::Tensor& tensor) {
    const c10::Storage& storage = storage_of(tensor);
    if (c10::impl::cow::is_cow_data_ptr(storage.data_ptr())) [[unlikely]] {
        return c10::Storage(c10::impl::cow::lazy_clone_storage(*storage.unsafeGetStorageImpl()));
    }
    return storage;
}

// The allocator of a storage that has been viewed, or whose memory is a container's. LibTorch makes lazy clones only of
// memory whose allocator knows it for plain memory; a lazy clone would share what is written there behind LibTorch's
// back, and give the tensor other memory when it is written itself.
class stationary_allocator final : public c10::Allocator {
public:
    c10::DataPtr allocate(std::size_t bytes) override { return c10::GetAllocator(c10::kCPU)->allocate(bytes); }
    void copy_data(void* to, const void* from, std::size_t bytes) const override { default_copy_data(to, from, bytes); }
    bool is_simple_data_ptr(const c10::DataPtr&) const override { return false; }
};

inline constinit stationary_allocator stationary{};

// From now on LibTorch refuses to move the memory of the storage: to resize it, and to clone it lazily. There is no
// counting the views of a storage, and it stays so when the last one is gone, as with NumPy's.
inline void keep_in_place(const c10::Storage& storage) {
    c10::StorageImpl* const impl = storage.unsafeGetStorageImpl();
    if (impl->resizable()) {
        impl->set_resizable(false);
    }
    // Memory with a context of its own is not cloned lazily in any case.
    const c10::DataPtr& memory = std::as_const(*impl).data_ptr();
    if (memory.get_context() == memory.get() && impl->allocator() != &stationary) {
        impl->set_allocator(&stationary);
    }
}

}  // namespace xtt::detail
