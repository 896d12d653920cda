// LibTorch copies a tensor between devices into another tensor. Here the copy ends in an xtensor container that owns
// its memory, in one transfer.
#pragma once

#include <xtensor-torch/detail/requirements.hpp>
#include <xtensor-torch/detail/xtensor.hpp>
#include <xtensor-torch/tensor.hpp>

#include <ATen/core/Tensor.h>
#include <c10/core/GradMode.h>

#include <cstddef>
#include <type_traits>

namespace xtt {

namespace detail {

// A host copy can be made of any tensor with stored elements; on the meta device there are none.
template <class T, std::size_t N>
void require_copyable_to_host(const at::Tensor& tensor) {
    constexpr const char* verb = "to_host";
    require_strided_storage(verb, tensor);
    if (tensor.is_meta()) {
        refuse_device<T>(verb, tensor);
    }
    require_dtype<T>(verb, tensor);
    require_rank<N>(verb, tensor);
}

}  // namespace detail

/// A copy of the tensor's elements in host memory, from any device: xt::xarray<T>, or xt::xtensor<T, N> when the rank
/// is given. The container owns its memory.
///
/// Conjugate and negative bits are resolved, and a tensor that requires grad is copied without being recorded.
/// Throws c10::ValueError for an undefined tensor and for another rank, c10::TypeError for a tensor that wraps another
/// one, is not strided, is on the meta device, or has another dtype.
template <class T, std::size_t N = dynamic_rank>
auto to_host(const at::Tensor& tensor) {
    static_assert(!std::is_const_v<T>, "to_host returns a container that owns its elements: leave out the const");
    detail::require_element<T>();
    detail::require_copyable_to_host<T, N>(tensor);
    using container = std::conditional_t<N == dynamic_rank, xt::xarray<T>, xt::xtensor<T, N == dynamic_rank ? 0 : N>>;
    typename container::shape_type shape =
        xtl::make_sequence<typename container::shape_type>(static_cast<std::size_t>(tensor.dim()), 0);
    std::copy(tensor.sizes().begin(), tensor.sizes().end(), shape.begin());
    container host(shape);
    const c10::NoGradGuard unrecorded;
    borrow(host).copy_(tensor);
    return host;
}

}  // namespace xtt
