// LibTorch's options may ask for what a copy of an expression cannot have, and LibTorch then says so late, or not at
// all. This file reads them before anything is evaluated.
#pragma once

#include <xtensor-torch/compatibility/error.hpp>
#include <xtensor-torch/elements/dtype_names.hpp>
#include <xtensor-torch/memory/transfer.hpp>

#include <ATen/EmptyTensor.h>
#include <ATen/core/Tensor.h>
#include <c10/core/TensorOptions.h>

#include <cstddef>
#include <string>

namespace xtt::detail {

// What the options ask of a copy, each point either possible or refused.
struct copy_request {
    c10::ScalarType dtype;
    c10::Device device;
    bool pinned;
    bool requires_grad;
    c10::MemoryFormat memory_format;
};

inline copy_request read_options(const c10::TensorOptions& options, c10::ScalarType dtype, std::size_t rank) {
    const char* verb = "copy";
    const std::string ask = "copy: the options ask for ";
    copy_request request{options.has_dtype() ? options.dtype().toScalarType() : dtype,
                         require_target(verb, options.device_opt().value_or(c10::kCPU)), options.pinned_memory(),
                         options.requires_grad(), options.memory_format_opt().value_or(c10::MemoryFormat::Contiguous)};
    if (options.layout_opt().value_or(c10::kStrided) != c10::kStrided) {
        throw_type_error(ask +
                         "a layout that is not strided; copy makes strided tensors. Convert the result, e.g. "
                         "xtt::copy(x).to_sparse().");
    }
    if (!has_element_type(request.dtype)) {
        throw_type_error(ask + "dtype " + describe(request.dtype).name +
                         "; a dtype with an element type is needed. Convert the result with LibTorch.");
    }
    if (c10::isComplexType(dtype) && !c10::isComplexType(request.dtype)) {
        throw_type_error(ask + "dtype " + describe(request.dtype).name + "; the expression is " + describe(dtype).name +
                         " and would lose its imaginary part. Take a part first: xt::real(x).");
    }
    if (request.pinned && !request.device.is_cpu()) {
        throw_value_error(ask + "pinned memory on " + request.device.str() +
                          "; only host memory is pinned. Leave out pinned_memory, or the device.");
    }
    if (request.requires_grad && !c10::isFloatingType(request.dtype) && !c10::isComplexType(request.dtype)) {
        throw_value_error(ask + "requires_grad with dtype " + describe(request.dtype).name +
                          "; gradients need a floating-point or complex dtype. Leave out requires_grad, or ask for "
                          "torch::kFloat32.");
    }
    const bool channels = (request.memory_format == c10::MemoryFormat::ChannelsLast && rank == 4) ||
                          (request.memory_format == c10::MemoryFormat::ChannelsLast3d && rank == 5);
    if (request.memory_format != c10::MemoryFormat::Contiguous && !channels) {
        throw_value_error(ask + "a memory format that an expression with " + plural(rank, "dimension") +
                          " cannot have; ChannelsLast needs 4, ChannelsLast3d needs 5. Leave out memory_format.");
    }
    return request;
}

// Uninitialised host memory as requested.
inline staging_memory make_requested_memory(at::IntArrayRef sizes, const copy_request& request) {
    if (!request.device.is_cpu() && request.memory_format == c10::MemoryFormat::Contiguous) {
        return make_staging_memory(sizes, request.dtype);
    }
    try {
        return {at::Tensor(at::detail::empty_cpu(sizes, request.dtype, request.pinned, request.memory_format)),
                request.pinned};
    } catch (const c10::Error&) {
        if (!request.pinned) {
            throw;
        }
        throw_error(
            "copy: the options ask for pinned memory, and LibTorch has none to give here; a device that pins host "
            "memory is needed. Leave out pinned_memory.");
    }
}

}  // namespace xtt::detail
