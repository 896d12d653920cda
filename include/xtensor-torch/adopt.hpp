// LibTorch frees foreign memory by a deleter. Here the deleter is the end of an xtensor container, which the tensor has
// taken over, or shares.
#pragma once

#include <xtensor-torch/concepts.hpp>
#include <xtensor-torch/memory/container_elements.hpp>
#include <xtensor-torch/memory/make_tensor.hpp>

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

namespace xtt {

namespace detail {

// Whether the elements will be aligned once the container has moved to the heap. Those in memory of their own stay
// where they are; those inside the container keep their distance from its start.
template <class X>
void require_alignment_when_moved(X& x) {
    using T = element_of<X>;
    const std::uintptr_t address = address_of(first_element(x));
    const std::uintptr_t distance = address - reinterpret_cast<std::uintptr_t>(std::addressof(x));
    static_assert(__STDCPP_DEFAULT_NEW_ALIGNMENT__ >= tensor_alignment<T>);
    require_tensor_alignment<T>("adopt", distance < sizeof(X) ? distance : address);
}

// `holder` keeps `x` alive; the tensor owns the holder.
template <class Holder, class X>
at::Tensor adopt_elements(std::unique_ptr<Holder> holder, X& x) {
    const tensor_geometry geometry = geometry_of("adopt", x);
    auto* data = first_element(x);
    return make_tensor_over(data, geometry, holder.release(),
                            [](void* context) { delete static_cast<Holder*>(context); });
}

// Keeps a shared container, and the buffer that it has now.
template <class X>
struct shared_holder {
    std::shared_ptr<X> container;
    std::shared_ptr<const void> buffer;
};

template <class X>
shared_holder<X> hold(const std::shared_ptr<X>& container) {
    if constexpr (has_shared_buffer<X>) {
        return {container, container->storage().holder()};
    } else {
        return {container, nullptr};
    }
}

template <class X>
inline constexpr bool is_shared_ptr = !std::is_void_v<typename pointee_of_shared<std::remove_cvref_t<X>>::type>;

template <class C>
consteval void explain_adopt() {
    using X = std::remove_reference_t<C>;
    if constexpr (is_shared_ptr<C>) {
        using P = typename pointee_of_shared<std::remove_cvref_t<C>>::type;
        static_assert(writable_elements<P>,
                      "adopt takes a shared_ptr to a non-const xtensor container: use xtt::copy(*x)");
        static_assert(!writable_elements<P> || is_assigned_in_place_v<P>,
                      "adopt shares this container, and an assignment to it would free the memory under the tensor: "
                      "hold a xtt::shared_array<T> or xtt::shared_tensor<T, N>, which are assigned in place");
    } else {
        static_assert(
            xt::is_xexpression<std::remove_const_t<X>>::value,
            "adopt takes an xtensor container: adapt other memory first, xtt::adopt(xt::adapt(std::move(x), shape))");
    }
    if constexpr (!is_shared_ptr<C> && xt::is_xexpression<std::remove_const_t<X>>::value) {
        static_assert(!std::is_lvalue_reference_v<C>,
                      "adopt takes over the container: pass std::move(x), or borrow(x), or copy(x)");
        static_assert(!std::is_const_v<X>, "adopt takes over the container, and this one is const: use xtt::copy(x)");
        if constexpr (!strided_elements<X>) {
            static_assert(
                strided_elements<X>,
                "adopt needs elements in memory, and this expression is computed when asked for: use xtt::copy(x)");
        } else {
            require_element<std::remove_cv_t<element_of<X>>>();
            static_assert(
                owns_elements<X>::value,
                "adopt takes over memory, and this view or adaptor owns none: use xtt::borrow(x) or xtt::copy(x)");
            // xtensor's views cannot be moved, only copied, together with a container that they have taken in.
            static_assert(!viewed_expression<X>::is_view,
                          "adopt takes over a container, and this is a view that holds one: use xtt::copy(x), or "
                          "adopt the container and slice the tensor");
        }
    }
}

}  // namespace detail

/// A tensor that takes over the container, or shares it with the holders of the shared_ptr: no copy.
///
/// The container's buffer is freed with the last tensor on this storage, on whichever thread that happens.
/// Pass std::move(container), or a std::shared_ptr to a container that is assigned in place: `shared_array`,
/// `shared_tensor`, `xt::xtensor_fixed`. Does not compile for an lvalue container, nor for a shared one that an
/// assignment would give another buffer. Throws c10::ValueError, and leaves the container as it was, for a negative
/// stride, for elements less aligned than LibTorch needs, and for an empty shared_ptr.
template <class C>
at::Tensor adopt(C&& container) {
    if constexpr (!adoptable<C>) {
        detail::explain_adopt<C>();
    } else if constexpr (detail::is_shared_ptr<C>) {
        if (!container) {
            detail::throw_value_error(
                "adopt: the shared_ptr is empty; a container is needed. Make one first: std::make_shared<…>(…).");
        }
        auto& elements = *container;
        detail::require_tensor_alignment<detail::element_of<std::remove_reference_t<decltype(elements)>>>(
            "adopt", detail::address_of(detail::first_element(elements)));
        auto holder = detail::hold(container);
        return detail::adopt_elements(std::make_unique<decltype(holder)>(std::move(holder)), elements);
    } else {
        static_cast<void>(detail::geometry_of("adopt", container));
        detail::require_alignment_when_moved(container);
        auto holder = std::make_unique<std::remove_cvref_t<C>>(std::forward<C>(container));
        auto& elements = *holder;
        return detail::adopt_elements(std::move(holder), elements);
    }
}

}  // namespace xtt
