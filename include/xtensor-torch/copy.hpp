// xtensor evaluates an expression into a container of its own. Here it is evaluated into a fresh tensor, which may have
// all that LibTorch's options ask for.
#pragma once

#include <xtensor-torch/elements/dtype_traits.hpp>
#include <xtensor-torch/evaluation/evaluate_into.hpp>
#include <xtensor-torch/memory/copy_request.hpp>
#include <xtensor-torch/memory/make_tensor.hpp>
#include <xtensor-torch/memory/transfer.hpp>

#include <ATen/EmptyTensor.h>
#include <ATen/core/Tensor.h>
#include <c10/core/TensorOptions.h>

#include <concepts>
#include <type_traits>

namespace xtt {

/// A fresh tensor with the expression's shape and values, contiguous in row-major order.
///
/// The expression is evaluated straight into the tensor's storage: one allocation, one pass. The dtype is that of the
/// expression's value type, or of `U` where it is given: `copy<float>(doubles)` converts while it evaluates, as
/// `tensor.to` does, between complex types of either library, too. The tensor owns its memory.
///
/// Does not compile where the value type has no dtype or does not convert to U. Throws c10::ValueError where the
/// expression's operands have shapes that do not broadcast to one, and what LibTorch throws (c10::Error) where memory
/// runs out.
template <class U = void, class E>
at::Tensor copy(const xt::xexpression<E>& expression) {
    using value_type = typename E::value_type;
    using T = std::conditional_t<std::is_void_v<U>, value_type, U>;
    detail::require_element<T>();
    if constexpr (element<T>) {
        static_assert(
            detail::convertible_to_element<value_type, T>,
            "copy<U> converts as C++ does, and this value type does not convert to U: take xt::real or cast first");
        const E& source = expression.derived_cast();
        at::Tensor tensor(
            at::detail::empty_cpu(detail::to_dim_vector(detail::shape_of("copy", source)), scalar_type_v<T>));
        detail::evaluate_into<T>(tensor, source);
        return tensor;
    }
}

/// A fresh tensor with the expression's shape and values, made as the options say.
///
/// What the options leave out is the expression's dtype, the CPU, contiguous, not pinned, without grad. The expression
/// is evaluated straight into the host memory of the tensor, or into that of the one transfer to another device. With
/// another dtype or memory format it is evaluated first and LibTorch converts it in a second pass; `copy<U>` converts
/// in the first.
///
/// Every option is honoured or refused before anything is evaluated: c10::TypeError for a layout that is not strided,
/// a dtype without element type, and a real dtype for complex values; c10::ValueError for a device that is not present
/// or is meta, for pinned memory on a device, for requires_grad with a dtype that has no gradient, and for a memory
/// format of another rank. Where LibTorch has no pinned memory to give, c10::Error.
template <class E>
at::Tensor copy(const xt::xexpression<E>& expression, const c10::TensorOptions& options) {
    using T = typename E::value_type;
    detail::require_element<T>();
    if constexpr (element<T>) {
        const E& source = expression.derived_cast();
        const c10::DimVector sizes = detail::to_dim_vector(detail::shape_of("copy", source));
        const detail::copy_request request = detail::read_options(options, scalar_type_v<T>, sizes.size());
        const detail::staging_memory host = detail::make_requested_memory(sizes, request);
        if (request.dtype == scalar_type_v<T> && request.memory_format == c10::MemoryFormat::Contiguous) {
            detail::evaluate_into<T>(host.tensor, source);
        } else {
            host.tensor.copy_(copy(expression));
        }
        at::Tensor result =
            request.device.is_cpu() ? host.tensor : detail::send(host, request.device, /*non_blocking=*/false);
        if (request.requires_grad) {
            result.requires_grad_(true);
        }
        return result;
    }
}

/// @cond
template <class U = void, class X, class... Options>
    requires(!xt::is_xexpression<X>::value)
at::Tensor copy(const X&, const Options&...) {
    static_assert(!std::derived_from<X, at::Tensor>,
                  "copy takes an xtensor expression: a tensor is copied by x.clone()");
    static_assert(std::derived_from<X, at::Tensor>,
                  "copy takes an xtensor expression: adapt other memory first, xtt::copy(xt::adapt(x, shape))");
    return {};
}
/// @endcond

}  // namespace xtt
