// Three ways from xtensor to torch::Tensor. LibTorch can only be given a bare pointer and a deleter; here the verb
// says who owns the memory: `borrow` leaves it with the caller, `adopt` takes it over, `copy` makes new memory.
#pragma once

#include <xtensor-torch/detail/check_borrows.hpp>
#include <xtensor-torch/detail/make_tensor.hpp>
#include <xtensor-torch/detail/xtensor.hpp>
#include <xtensor-torch/dtype.hpp>
#include <xtensor-torch/evaluate.hpp>
#include <xtensor-torch/sharing.hpp>
#include <xtensor-torch/view.hpp>

#include <ATen/EmptyTensor.h>
#include <ATen/core/Tensor.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

namespace xtt {

namespace detail {

// LibTorch's own type for a dtype may ask for more alignment than the C++ type with the same bytes.
template <class T>
inline constexpr std::size_t tensor_alignment = alignof(T);
template <class T>
inline constexpr std::size_t tensor_alignment<std::complex<T>> = alignof(c10::complex<T>);

template <class T>
void require_tensor_alignment(const char* verb, std::uintptr_t address) {
    if (address % tensor_alignment<T> != 0) [[unlikely]] {
        throw_value_error(std::string(verb) + ": the elements do not start at a multiple of " +
                          std::to_string(tensor_alignment<T>) + " bytes, which a tensor of " +
                          describe(scalar_type_v<T>).name + " needs. Copy them instead: xtt::copy(x).");
    }
}

template <class X>
const auto& tensor_view_behind(const X& x) {
    if constexpr (is_tensor_view<X>::value) {
        return x;
    } else {
        return tensor_view_behind(x.expression());
    }
}

// Without elements there may be no address either, and nothing must be added to it.
template <class X>
auto* first_element(X& x) {
    return x.size() == 0 ? x.data() : x.data() + x.data_offset();
}

template <class T>
std::uintptr_t address_of(const T* data) noexcept {
    return reinterpret_cast<std::uintptr_t>(data);
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

template <class X>
inline constexpr bool is_shared_ptr = !std::is_void_v<typename pointee_of_shared<std::remove_cvref_t<X>>::type>;

template <class C>
consteval void explain_borrow() {
    using X = std::remove_reference_t<C>;
    static_assert(xt::is_xexpression<std::remove_const_t<X>>::value,
                  "borrow takes an xtensor container or a view over one: adapt other memory with xt::adapt first");
    if constexpr (!strided_elements<X>) {
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

template <class C>
consteval void explain_adopt() {
    using X = std::remove_reference_t<C>;
    if constexpr (is_shared_ptr<C>) {
        using P = typename pointee_of_shared<std::remove_cvref_t<C>>::type;
        static_assert(writable_elements<P>,
                      "adopt takes a shared_ptr to a non-const xtensor container: use xtt::copy(*x)");
    } else {
        static_assert(
            xt::is_xexpression<std::remove_const_t<X>>::value,
            "adopt takes an xtensor container: adapt other memory with xt::adapt(std::move(buffer), shape) first");
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

// The rank that a shape type fixes at compile time.
template <class Shape>
inline constexpr std::size_t rank_of_shape = dynamic_rank;
template <class I, std::size_t N>
inline constexpr std::size_t rank_of_shape<std::array<I, N>> = N;
template <std::size_t... Sizes>
inline constexpr std::size_t rank_of_shape<xt::fixed_shape<Sizes...>> = sizeof...(Sizes);

// Row-major memory as a destination for the evaluator.
template <class T, class Shape>
auto row_major_memory(T* data, const Shape& shape, std::size_t size) {
    using buffer = xt::xbuffer_adaptor<T*, xt::no_ownership, std::allocator<T>>;
    constexpr std::size_t rank = rank_of_shape<Shape>;
    if constexpr (rank == dynamic_rank) {
        return xt::xarray_adaptor<buffer, xt::layout_type::row_major>(
            buffer(data, size), xt::dynamic_shape<std::size_t>(shape.begin(), shape.end()));
    } else {
        std::array<std::size_t, rank> extents{};
        std::copy(shape.begin(), shape.end(), extents.begin());
        return xt::xtensor_adaptor<buffer, rank, xt::layout_type::row_major>(buffer(data, size), extents);
    }
}

// Evaluates the expression into a contiguous host tensor of its shape, whose dtype is T's.
template <class T, class E>
void evaluate_into(const at::Tensor& tensor, const E& source) {
    auto memory = row_major_memory(static_cast<T*>(tensor.mutable_data_ptr()), source.shape(),
                                   static_cast<std::size_t>(tensor.numel()));
    evaluate(memory, source);
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

/// A tensor that takes over the container, or shares it with the holders of the shared_ptr: no copy.
///
/// The container's buffer is freed when the last tensor on this storage goes, on whichever thread that happens.
/// Pass std::move(container), or a std::shared_ptr<container>. Does not compile for an lvalue container.
/// Throws c10::ValueError, and leaves the container as it was, for a negative stride, for elements less aligned than
/// LibTorch needs, and for an empty shared_ptr.
template <class C>
at::Tensor adopt(C&& container) {
    if constexpr (!adoptable<C>) {
        detail::explain_adopt<C>();
    } else if constexpr (detail::is_shared_ptr<C>) {
        using holder = std::remove_cvref_t<C>;
        if (!container) {
            detail::throw_value_error(
                "adopt: the shared_ptr is empty; a container is needed. Make one first: std::make_shared<…>(…).");
        }
        auto& elements = *container;
        detail::require_tensor_alignment<detail::element_of<std::remove_reference_t<decltype(elements)>>>(
            "adopt", detail::address_of(detail::first_element(elements)));
        return detail::adopt_elements(std::make_unique<holder>(container), elements);
    } else {
        static_cast<void>(detail::geometry_of("adopt", container));
        detail::require_alignment_when_moved(container);
        auto holder = std::make_unique<std::remove_cvref_t<C>>(std::forward<C>(container));
        auto& elements = *holder;
        return detail::adopt_elements(std::move(holder), elements);
    }
}

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

}  // namespace xtt
