// In a region of torch.autocast LibTorch casts the tensors of its own operators to the dtype that suits each of them.
// This file does so for an operator that asks for it.
#pragma once

#include <xtensor-torch/operators/arguments.hpp>

#include <ATen/autocast_mode.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/boxing/KernelFunction.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <cstddef>
#include <optional>

namespace xtt::detail {

// Casts tensors of 32 bits and less, as LibTorch's own operators do, to `dtype`, or to that of the region.
struct autocast_kernel : c10::OperatorKernel {
    std::optional<c10::ScalarType> dtype;
    c10::DeviceType device;

    autocast_kernel(std::optional<c10::ScalarType> wanted, c10::DeviceType region) : dtype(wanted), device(region) {}

    void operator()(const c10::OperatorHandle& op, c10::DispatchKeySet, torch::jit::Stack* stack) const {
        const c10::impl::ExcludeDispatchKeyGuard without_autocast(
            at::autocast::get_autocast_dispatch_key_from_device_type(device));
        const c10::ScalarType wanted = dtype ? *dtype : at::autocast::get_autocast_dtype(device);
        const std::size_t count = op.schema().arguments().size();
        replace_last(*stack, count, with_tensors(torch::jit::last(*stack, count), [&](const at::Tensor& tensor) {
            return at::autocast::cached_cast(wanted, tensor, device);
        }));
        op.callBoxed(stack);
    }
};

}  // namespace xtt::detail
