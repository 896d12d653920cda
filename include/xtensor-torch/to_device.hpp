// LibTorch copies a tensor to a device. Here the copy begins with an expression, which is evaluated into host memory
// that crosses in one transfer, for any device that LibTorch knows.
#pragma once

#include <xtensor-torch/copy.hpp>
#include <xtensor-torch/elements/dtype_traits.hpp>
#include <xtensor-torch/evaluation/evaluate_into.hpp>
#include <xtensor-torch/memory/make_tensor.hpp>
#include <xtensor-torch/memory/transfer.hpp>

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <concepts>

namespace xtt {

/// A fresh tensor on `device` with the expression's shape, values and dtype, contiguous in row-major order.
///
/// The expression is evaluated straight into host memory, pinned where the device offers that, and crosses in one
/// transfer on the device's current stream. With `non_blocking` the call does not wait for the transfer; work that is
/// given to the same stream afterwards sees the values. For the CPU it is `copy(expression)`. The tensor owns its
/// memory; the host memory is freed when the transfer is done.
///
/// Throws c10::ValueError, before anything is evaluated, for a device that is not present, for the meta device, and
/// where the expression's operands have shapes that do not broadcast to one.
template <class E>
at::Tensor to_device(const xt::xexpression<E>& expression, c10::Device device, bool non_blocking = false) {
    using T = typename E::value_type;
    detail::require_element<T>();
    if constexpr (element<T>) {
        device = detail::require_target("to_device", device);
        if (device.is_cpu()) {
            return copy(expression);
        }
        const E& source = expression.derived_cast();
        const detail::staging_memory host =
            detail::make_staging_memory(detail::to_dim_vector(detail::shape_of("to_device", source)), scalar_type_v<T>);
        detail::evaluate_into<T>(host.tensor, source);
        return detail::send(host, device, non_blocking);
    }
}

/// @cond
template <class X>
    requires(!xt::is_xexpression<X>::value)
void to_device(const X&, c10::Device, bool = false) {
    static_assert(!std::derived_from<X, at::Tensor>,
                  "to_device takes an xtensor expression: a tensor is copied by x.to(device)");
    static_assert(
        std::derived_from<X, at::Tensor>,
        "to_device takes an xtensor expression: adapt other memory first, xtt::to_device(xt::adapt(x, shape), "
        "device)");
}
/// @endcond

}  // namespace xtt
