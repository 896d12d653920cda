// What a tensor must be before its memory may be read or written as C++ elements. LibTorch answers each question
// separately; here they stand in one order, each with its own exception and sentence: fact, expectation, remedy.
//
// The questions are asked in two steps. Each `require_…` is a few inlined comparisons; the sentence is composed in
// a cold function, so that a view of a good tensor pays for no string.
#pragma once

#include <xtensor-torch/compatibility/compiler.hpp>
#include <xtensor-torch/compatibility/error.hpp>
#include <xtensor-torch/elements/dtype_names.hpp>
#include <xtensor-torch/elements/dtype_traits.hpp>
#include <xtensor-torch/memory/check_borrows.hpp>
#include <xtensor-torch/memory/layout.hpp>

#include <ATen/core/Tensor.h>
#include <c10/core/AutogradState.h>
#include <c10/core/DispatchKeySet.h>
#include <c10/core/GradMode.h>

#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>

namespace xtt {

/// The rank parameter of a view whose rank is known only at run time.
inline constexpr std::size_t dynamic_rank = static_cast<std::size_t>(-1);

}  // namespace xtt

namespace xtt::detail {

inline constexpr c10::DispatchKeySet wrapper_keys{
    c10::DispatchKey::FuncTorchBatched, c10::DispatchKey::FuncTorchGradWrapper, c10::DispatchKey::Functionalize,
    c10::DispatchKey::Python,           c10::DispatchKey::NestedTensor,
};

// Bits that change what the stored bytes mean.
inline constexpr c10::DispatchKeySet lazy_value_keys{
    c10::DispatchKey::ZeroTensor,
    c10::DispatchKey::Conjugate,
    c10::DispatchKey::Negative,
};

// Composes the sentence of the first of the three requirements that any tensor has to meet.
[[noreturn]] XTENSOR_TORCH_COLD inline void refuse_kind(const std::string& verb, const at::Tensor& tensor) {
    if (!tensor.defined()) {
        throw_value_error(verb +
                          ": the tensor is undefined; a tensor with elements or a shape is needed. "
                          "Create it first, e.g. with torch::empty.");
    }
    if (tensor.key_set().has_any(wrapper_keys) || tensor.layout() == at::kStrided) {
        throw_type_error(verb +
                         ": the tensor wraps another one (functorch, a Python subclass, a nested tensor) and has "
                         "no storage of its own; a plain tensor is needed. Unwrap it first.");
    }
    std::ostringstream layout;
    layout << tensor.layout();
    throw_type_error(verb + ": the tensor's layout is " + layout.str() +
                     "; a strided tensor is needed. Convert it first: tensor.to_dense().");
}

// The tensor's storage, or an empty one where the tensor has none, without the call that tells the two apart.
inline const c10::Storage& storage_of(const at::Tensor& tensor) noexcept {
    return tensor.unsafeGetTensorImpl()->unsafe_storage();
}

// Requirements 1 to 3: defined, its own storage, strided.
inline void require_strided_storage(const char* verb, const at::Tensor& tensor) {
    if (!tensor.defined() || tensor.key_set().has_any(wrapper_keys) || tensor.layout() != at::kStrided ||
        !storage_of(tensor)) [[unlikely]] {
        refuse_kind(verb, tensor);
    }
    require_living_owner(verb, tensor);
}

template <class T>
[[noreturn]] XTENSOR_TORCH_COLD void refuse_device(const std::string& verb, const at::Tensor& tensor) {
    if (tensor.is_meta()) {
        throw_type_error(verb +
                         ": the tensor is on the meta device and has a shape but no elements; host memory is "
                         "needed. There is nothing to copy: create the tensor on the CPU.");
    }
    throw_type_error(verb + ": the tensor is on " + tensor.device().str() +
                     "; a view needs host memory. Copy it first: xtt::to_host<" + type_name<T>() + ">(tensor).");
}

// Requirement 4: memory that the host may dereference.
template <class T>
void require_host_memory(const char* verb, const at::Tensor& tensor) {
    if (!tensor.is_cpu()) [[unlikely]] {
        refuse_device<T>(verb, tensor);
    }
}

[[noreturn]] XTENSOR_TORCH_COLD inline void refuse_lazy_values(const std::string& verb, const at::Tensor& tensor) {
    if (tensor._is_zerotensor()) {
        throw_error(verb +
                    ": the tensor is a zero tensor, which stores no elements; stored values are needed. "
                    "Materialise it first: tensor.clone().");
    }
    throw_error(verb + (tensor.is_conj() ? ": the tensor has its conjugate bit set, so its bytes are not its values; "
                                           "stored values are needed. Resolve it first: tensor.resolve_conj()."
                                         : ": the tensor has its negative bit set, so its bytes are not its values; "
                                           "stored values are needed. Resolve it first: tensor.resolve_neg()."));
}

// Requirement 5: the bytes are the values.
inline void require_stored_values(const char* verb, const at::Tensor& tensor) {
    if (tensor.key_set().has_any(lazy_value_keys)) [[unlikely]] {
        refuse_lazy_values(verb, tensor);
    }
}

[[noreturn]] XTENSOR_TORCH_COLD inline void refuse_gradient(const std::string& verb) {
    throw_error(verb +
                ": the tensor requires grad, and autograd cannot follow what happens through a view; a tensor "
                "outside the graph is needed. Detach it first: tensor.detach().");
}

[[noreturn]] XTENSOR_TORCH_COLD inline void refuse_tangent(const std::string& verb) {
    throw_error(verb +
                ": the tensor carries a tangent of forward-mode differentiation, and autograd cannot follow what "
                "happens through a view; a tensor without one is needed. Detach it first: tensor.detach().");
}

// Whether forward-mode differentiation follows the tensor. LibTorch has one level of it, of number 0.
inline bool has_tangent(const at::Tensor& tensor) {
    return tensor.unsafeGetTensorImpl()->autograd_meta() != nullptr &&
           c10::AutogradState::get_tls_state().get_fw_grad_mode() && tensor._fw_grad(0).defined();
}

// Requirement 6: autograd does not record what the tensor goes through.
inline void require_no_gradient(const char* verb, const at::Tensor& tensor) {
    if (tensor.requires_grad() && c10::GradMode::is_enabled()) [[unlikely]] {
        refuse_gradient(verb);
    }
    if (has_tangent(tensor)) [[unlikely]] {
        refuse_tangent(verb);
    }
}

template <class T>
[[noreturn]] XTENSOR_TORCH_COLD void refuse_dtype(const std::string& verb, const at::Tensor& tensor) {
    const dtype_words wanted = describe(scalar_type_v<T>);
    const std::string fact = verb + ": the tensor is " + describe(tensor.scalar_type()).name + "; a " + verb + " of " +
                             type_name<T>() + " needs " + wanted.name + ". ";
    throw_type_error(fact + (tensor.is_quantized() ? "Dequantize it first: tensor.dequantize()."
                                                   : "Convert it first: tensor.to(" + wanted.constant + ")."));
}

// Requirement 7: the dtype is T's.
template <class T>
void require_dtype(const char* verb, const at::Tensor& tensor) {
    if (tensor.scalar_type() != scalar_type_v<T>) [[unlikely]] {
        refuse_dtype<T>(verb, tensor);
    }
}

template <std::size_t N>
[[noreturn]] XTENSOR_TORCH_COLD void refuse_rank(const std::string& verb, const at::Tensor& tensor) {
    throw_value_error(verb + ": the tensor has " + plural(static_cast<std::size_t>(tensor.dim()), "dimension") +
                      ", shape " + braced(tensor.sizes()) + "; rank " + std::to_string(N) +
                      " was asked for. Ask for the tensor's rank, leave the rank out, or reshape it first: "
                      "tensor.reshape(…).");
}

// Requirement 8: the rank is N.
template <std::size_t N>
void require_rank(const char* verb, const at::Tensor& tensor) {
    if constexpr (N != dynamic_rank) {
        if (tensor.dim() != static_cast<std::int64_t>(N)) [[unlikely]] {
            refuse_rank<N>(verb, tensor);
        }
    }
}

template <xt::layout_type L>
[[noreturn]] XTENSOR_TORCH_COLD void refuse_order(const std::string& verb, const at::Tensor& tensor) {
    constexpr bool rows = L == xt::layout_type::row_major;
    throw_value_error(verb + ": the tensor's strides are " + braced(tensor.strides()) + " for shape " +
                      braced(tensor.sizes()) + "; a contiguous " + (rows ? "row-major" : "column-major") +
                      " tensor is needed for a layout in the type. " +
                      (rows ? "Make it so first, tensor.contiguous(), "
                            : "Make it so first, "
                              "tensor.t().contiguous().t() for a matrix, ") +
                      "or leave the layout out.");
}

// Requirement 9: the elements lie in the order that the type promises.
template <xt::layout_type L>
void require_order(const char* verb, const at::Tensor& tensor) {
    static_assert(L != xt::layout_type::any,
                  "a view has layout dynamic, row_major or column_major: layout any is for expressions only");
    if constexpr (L == xt::layout_type::row_major) {
        if (!tensor.is_contiguous()) [[unlikely]] {
            refuse_order<L>(verb, tensor);
        }
    } else if constexpr (L == xt::layout_type::column_major) {
        if (tensor.numel() != 0 && !is_column_major(tensor.sizes(), tensor.strides())) [[unlikely]] {
            refuse_order<L>(verb, tensor);
        }
    }
}

[[noreturn]] XTENSOR_TORCH_COLD inline void refuse_overlap(const std::string& verb, const at::Tensor& tensor) {
    throw_value_error(verb + ": elements of the tensor share memory (shape " + braced(tensor.sizes()) + ", strides " +
                      braced(tensor.strides()) +
                      "), so one write would change several; distinct elements are needed "
                      "to write. Read it with view<const T>, or own it: tensor.clone().");
}

// Requirement 10: writing one element changes no other.
inline void require_distinct_elements(const char* verb, const at::Tensor& tensor) {
    if (!tensor.is_contiguous() && elements_overlap(tensor.sizes(), tensor.strides())) [[unlikely]] {
        refuse_overlap(verb, tensor);
    }
}

template <class T>
[[noreturn]] XTENSOR_TORCH_COLD void refuse_alignment(const std::string& verb) {
    throw_value_error(verb + ": the tensor's memory does not start at a multiple of " + std::to_string(alignof(T)) +
                      " bytes; " + type_name<T>() + " needs that alignment. Copy it first: tensor.clone().");
}

// Requirement 11: the address suits T.
template <class T>
void require_alignment(const char* verb, const void* data) {
    if (reinterpret_cast<std::uintptr_t>(data) % alignof(T) != 0) [[unlikely]] {
        refuse_alignment<T>(verb);
    }
}

[[noreturn]] XTENSOR_TORCH_COLD inline void refuse_storage(const std::string& verb, const at::Tensor& tensor) {
    throw_value_error(verb + ": the tensor's storage holds " + std::to_string(tensor.storage().nbytes()) +
                      " bytes, fewer than shape " + braced(tensor.sizes()) +
                      " reaches; it was shrunk or freed. Use a tensor whose storage is whole.");
}

// Also requirement 11: the storage still reaches as far as the shape does.
inline void require_within_storage(const char* verb, const at::Tensor& tensor, const extent& reach) {
    const auto end = static_cast<std::size_t>(tensor.storage_offset() + reach.high + 1) * tensor.itemsize();
    if (reach.size() != 0 && end > storage_of(tensor).nbytes()) [[unlikely]] {
        refuse_storage(verb, tensor);
    }
}

}  // namespace xtt::detail
