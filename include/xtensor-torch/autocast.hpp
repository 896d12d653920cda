// In a region of torch.autocast LibTorch runs its own operators in the dtype that suits each of them. This header has
// the option with which an operator over views does so.
//
// This header includes <xtensor-torch/op.hpp>.
#pragma once

#include <xtensor-torch/op.hpp>
#include <xtensor-torch/operators/autocast.hpp>

#include <torch/library.h>

#include <memory>
#include <optional>

namespace xtt {

/// In a registration: under torch.autocast the tensors of 32 bits and less are cast before the function is called, on
/// the CPU and on CUDA. Without it the function computes in what it is given.
///
///     xtt::op<"log_sum_exp(Tensor x) -> Tensor", float, c10::BFloat16>(
///         library, log_sum_exp, xtt::autocast(at::kFloat));
///
/// The dtype has to be one of those that the function takes; the registration warns where it is not.
struct autocast {
    std::optional<c10::ScalarType> dtype;  ///< what they are cast to; nothing is the dtype of the region

    /// To the dtype of the region, bfloat16 or half.
    autocast() = default;

    /// To one dtype in every region: at::kFloat for a function that loses too much in a shorter one.
    explicit autocast(c10::ScalarType wanted) : dtype(wanted) {}
};

namespace detail {

template <class Definition>
void register_autocast(torch::Library& library, const Definition& definition, const autocast& option) {
    for (const auto device : {c10::DeviceType::CPU, c10::DeviceType::CUDA}) {
        library.impl(definition.dispatched.c_str(),
                     torch::dispatch(at::autocast::get_autocast_dispatch_key_from_device_type(device),
                                     torch::CppFunction::makeFromBoxedFunctor(
                                         std::make_unique<autocast_kernel>(option.dtype, device))));
    }
}

}  // namespace detail

}  // namespace xtt
