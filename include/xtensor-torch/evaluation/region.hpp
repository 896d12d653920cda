// Parts of a destination are evaluated one by one. This file makes an xtensor expression of such a part.
#pragma once

#include <xtensor-torch/compatibility/xtensor.hpp>

#include <memory>

namespace xtt::detail {

/// The elements at `data` with this shape and these strides. xtensor wants to hear of as many elements as the shape
/// has, however far apart they lie.
template <class T, class Shape, class Strides>
auto region_of(T* data, const Shape& shape, const Strides& strides) {
    using buffer = xt::xbuffer_adaptor<T*, xt::no_ownership, std::allocator<T>>;
    return xt::xarray_adaptor<buffer, xt::layout_type::dynamic>(buffer(data, xt::compute_size(shape)), shape, strides);
}

// Writes the expression into a part, as into any other destination.
template <class D, class E>
void evaluate(D& destination, const E& expression);

}  // namespace xtt::detail
