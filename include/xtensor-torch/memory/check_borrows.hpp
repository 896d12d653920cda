// A tensor borrowed from a container dangles when the container goes first, and neither library can tell. A build with
// XTENSOR_TORCH_CHECK_BORROWS can: AddressSanitizer poisons memory that is freed or out of scope, and this file asks it
// whenever such a tensor is given to a verb or to an operator of LibTorch, whose own code the sanitizer does not watch.
#pragma once

#include <xtensor-torch/compatibility/language.hpp>

#include <ATen/core/Tensor.h>
#include <c10/core/Allocator.h>

#if defined(XTENSOR_TORCH_CHECK_BORROWS)

#if !defined(__SANITIZE_ADDRESS__)
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#endif
#if !defined(__SANITIZE_ADDRESS__)
#error "XTENSOR_TORCH_CHECK_BORROWS asks AddressSanitizer what memory is alive: compile with -fsanitize=address"
#endif

// LibTorch's release build tells the operands of an operator only to code that was compiled like itself.
#if !defined(NDEBUG)
#error "XTENSOR_TORCH_CHECK_BORROWS watches LibTorch's operators: compile with -DNDEBUG, e.g. as RelWithDebInfo"
#endif

#include <xtensor-torch/compatibility/error.hpp>

#include <ATen/record_function.h>
#include <sanitizer/asan_interface.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

namespace xtt::detail {

// Frees nothing: it tells the storage of a borrowed tensor from every other one.
inline void leave_to_its_owner(void*) {}

inline constexpr c10::DeleterFnPtr borrowed_deleter = &leave_to_its_owner;

inline bool owner_is_gone(const at::Tensor& tensor) {
    if (!tensor.defined() || !tensor.has_storage()) {
        return false;
    }
    const c10::StorageImpl& storage = *tensor.storage().unsafeGetStorageImpl();
    return storage.data_ptr().get_deleter() == borrowed_deleter &&
           __asan_region_is_poisoned(const_cast<void*>(storage.data()), storage.nbytes()) != nullptr;
}

inline std::string sentence_of_gone_owner(const std::string& user) {
    return user +
           ": the tensor was borrowed from a container that is gone, or that was resized, and its elements are freed "
           "memory; the container must outlive the tensor. Give the tensor the memory instead: "
           "xtt::adopt(std::move(container)) or xtt::copy(container).";
}

inline void require_living_owner(const char* verb, const at::Tensor& tensor) {
    if (owner_is_gone(tensor)) {
        throw_error(sentence_of_gone_owner(verb));
    }
}

// LibTorch calls this before each operator, and swallows exceptions from it.
inline std::unique_ptr<at::ObserverContext> check_operands(const at::RecordFunction& function) {
    for (const c10::IValue& input : function.inputs()) {
        bool gone = input.isTensor() && owner_is_gone(input.toTensor());
        if (input.isTensorList()) {
            for (const at::Tensor& tensor : input.toTensorVector()) {
                gone = gone || owner_is_gone(tensor);
            }
        }
        if (gone) {
            std::fprintf(stderr, "%s\n", sentence_of_gone_owner(function.name()).c_str());
            std::abort();
        }
    }
    return nullptr;
}

/// Has LibTorch's operators checked from the first borrowed tensor on.
inline void watch_operators() {
    [[maybe_unused]] static const at::CallbackHandle handle =
        at::addGlobalCallback(at::RecordFunctionCallback(&check_operands).needsInputs(true));
}

}  // namespace xtt::detail

#else

namespace xtt::detail {

inline constexpr c10::DeleterFnPtr borrowed_deleter = nullptr;
inline void require_living_owner(const char*, const at::Tensor&) noexcept {}
inline void watch_operators() noexcept {}

}  // namespace xtt::detail

#endif
