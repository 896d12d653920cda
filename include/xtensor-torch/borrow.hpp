// LibTorch makes a tensor over foreign memory from a bare pointer. Here the memory is that of an xtensor container,
// which stays with its owner: shape, strides and dtype come from the container, and what cannot be shared does not
// compile.
#pragma once

#include <xtensor-torch/concepts.hpp>
#include <xtensor-torch/memory/check_borrows.hpp>
#include <xtensor-torch/memory/container_elements.hpp>
#include <xtensor-torch/memory/make_tensor.hpp>
#include <xtensor-torch/view.hpp>

#include <ATen/core/Tensor.h>

#include <type_traits>

namespace xtt {

namespace detail {

template <class X>
const auto& tensor_view_behind(const X& x) {
    if constexpr (is_tensor_view<X>::value) {
        return x;
    } else {
        return tensor_view_behind(x.expression());
    }
}

template <class X>
at::Tensor borrow_elements(X& x) {
    using T = element_of<X>;
    const tensor_geometry geometry = geometry_of("borrow", x);
    T* data = first_element(x);
    require_tensor_alignment<T>("borrow", address_of(data));
    if constexpr (shares_storage_v<X>) {
        return tensor_view_behind(x).alias(data, geometry);
    } else {
        watch_operators();
        return make_tensor_over(data, geometry, data, borrowed_deleter);
    }
}

template <class C>
consteval void explain_borrow() {
    using X = std::remove_reference_t<C>;
    if constexpr (!xt::is_xexpression<std::remove_const_t<X>>::value) {
        static_assert(xt::is_xexpression<std::remove_const_t<X>>::value,
                      "borrow takes an xtensor container or a view over one: adapt other memory first, "
                      "xtt::borrow(xt::adapt(x, shape))");
    } else if constexpr (!strided_elements<X>) {
        static_assert(
            strided_elements<X>,
            "borrow needs elements in memory, and this expression is computed when asked for: use xtt::copy(x)");
    } else {
        static_assert(!std::is_const_v<element_of<X>>,
                      "borrow needs elements that may be written, and this container is const: use xtt::copy(x)");
        require_element<std::remove_cv_t<element_of<X>>>();
        static_assert(std::is_lvalue_reference_v<C> || !owns_elements<X>::value,
                      "borrow leaves the memory with its owner, and this temporary dies at the end of the statement: "
                      "use xtt::adopt(std::move(x)) or xtt::copy(x)");
    }
}

}  // namespace detail

/// A tensor over the container's own elements: shared memory, no copy.
///
/// The caller keeps the ownership: the container must outlive the tensor and keep its buffer meanwhile. It gets another
/// one when it is resized, and also where an expression or a list is assigned to it, whatever the size: write in place,
/// with `xt::noalias(container) = expression`, a scalar, or element by element. Takes
/// containers, adaptors, and xt::view / xt::strided_view over them, offset and strides included; a view over a
/// tensor_view gives a tensor that shares, and keeps alive, the storage behind it.
///
/// Does not compile for a temporary container, a const container or a lazy expression. Throws c10::ValueError for a
/// negative stride and for elements less aligned than LibTorch needs. In a build with XTENSOR_TORCH_CHECK_BORROWS and
/// AddressSanitizer, use of the tensor after its container is gone is found.
template <class C>
at::Tensor borrow(C&& container) {
    if constexpr (borrowable<C>) {
        return detail::borrow_elements(container);
    } else {
        detail::explain_borrow<C>();
    }
}

}  // namespace xtt
