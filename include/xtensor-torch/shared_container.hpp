// A std::shared_ptr lets a container and a tensor share elements, but a container of xtensor's gets another buffer
// wherever an expression is assigned to it. This file names containers that are assigned in place.
#pragma once

#include <xtensor-torch/compatibility/xtensor.hpp>
#include <xtensor-torch/memory/shared_buffer.hpp>

#include <cstddef>

namespace xtt {

/// An `xt::xarray` to share with a tensor: `adopt(std::make_shared<shared_array<float>>(…))`.
///
/// An assignment of the same size writes the elements, which the tensor sees. A resize, an assignment of another size
/// and std::swap give the container other memory; the tensor keeps what it has, and shares it no longer. Copies have
/// memory of their own.
template <class T, xt::layout_type L = XTENSOR_DEFAULT_LAYOUT>
using shared_array = xt::xarray_container<detail::shared_buffer<T>, L>;

/// The same of an `xt::xtensor` of rank N.
template <class T, std::size_t N, xt::layout_type L = XTENSOR_DEFAULT_LAYOUT>
using shared_tensor = xt::xtensor_container<detail::shared_buffer<T>, N, L>;

}  // namespace xtt
