// Whether a call shares memory, copies it or is a mistake depends on the types alone. xtensor has no word for it;
// this file gives generic code concepts to ask, and the verbs the means to explain a mistake at compile time.
#pragma once

#include <xtensor-torch/compatibility/xtensor.hpp>
#include <xtensor-torch/dtype.hpp>
#include <xtensor-torch/memory/shared_buffer.hpp>
#include <xtensor-torch/memory/strided_memory.hpp>

#include <ATen/core/Tensor.h>

#include <concepts>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>

namespace xtt {

namespace detail {

template <class T>
struct is_tensor_view : std::false_type {};

template <class T, std::size_t N, xt::layout_type L>
struct is_tensor_view<tensor_view<T, N, L>> : std::true_type {};

// <span> says of its ranges that they own nothing. The concept for that is in <ranges>, which nothing else here needs
// and every file would compile.
template <class Buffer>
struct is_owning_buffer : std::bool_constant<!std::is_reference_v<Buffer> &&
                                             !std::ranges::enable_borrowed_range<std::remove_cv_t<Buffer>>> {};

template <class Pointer, class Allocator>
struct is_owning_buffer<xt::xbuffer_adaptor<Pointer, xt::no_ownership, Allocator>> : std::false_type {};

// What stands behind an xtensor view: X itself for a container, the viewed expression for a view. The template
// arguments say whether the view refers to it or has taken it in.
template <class X>
struct viewed_expression {
    static constexpr bool is_view = false;
};

template <class CT>
struct viewed_closure {
    static constexpr bool is_view = true;
    using closure = CT;
};

template <class CT, class... Slices>
struct viewed_expression<xt::xview<CT, Slices...>> : viewed_closure<CT> {};

template <class CT, class Shape, xt::layout_type L, class Storage>
struct viewed_expression<xt::xstrided_view<CT, Shape, L, Storage>> : viewed_closure<CT> {};

// Whether destroying an X destroys its elements.
template <class X>
struct owns_elements : std::is_base_of<xt::xcontainer<X>, X> {};

template <class EC, xt::layout_type L, class Shape, class Tag>
struct owns_elements<xt::xarray_adaptor<EC, L, Shape, Tag>> : is_owning_buffer<EC> {};

template <class EC, std::size_t N, xt::layout_type L, class Tag>
struct owns_elements<xt::xtensor_adaptor<EC, N, L, Tag>> : is_owning_buffer<EC> {};

template <class EC, std::size_t N, xt::layout_type L, class Tag>
struct owns_elements<xt::xtensor_view<EC, N, L, Tag>> : std::false_type {};

template <class EC, class Shape, xt::layout_type L, bool Sharable, class Tag>
struct owns_elements<xt::xfixed_adaptor<EC, Shape, L, Sharable, Tag>> : is_owning_buffer<EC> {};

template <class X>
    requires viewed_expression<X>::is_view
struct owns_elements<X>
    : std::bool_constant<!std::is_reference_v<typename viewed_expression<X>::closure> &&
                         owns_elements<std::remove_cvref_t<typename viewed_expression<X>::closure>>::value> {};

template <class X>
struct looks_at_tensor : is_tensor_view<X> {};

template <class X>
    requires viewed_expression<X>::is_view
struct looks_at_tensor<X> : looks_at_tensor<std::remove_cvref_t<typename viewed_expression<X>::closure>> {};

// Elements at an address, with strides; `X` may be const.
template <class X>
concept strided_elements = xt::is_xexpression<std::remove_const_t<X>>::value && requires(X& x) {
    { *x.data() } -> std::same_as<std::remove_pointer_t<decltype(x.data())>&>;
    x.data_offset();
    x.strides();
};

// An adaptor over a const buffer declares a data() that hands out writable elements, and does not compile.
template <class X>
concept has_const_storage = requires { requires std::is_const_v<typename X::storage_type>; };

template <strided_elements X>
using element_of =
    std::conditional_t<has_const_storage<X>, const std::remove_pointer_t<decltype(std::declval<X&>().data())>,
                       std::remove_pointer_t<decltype(std::declval<X&>().data())>>;

// Strided elements of a type that has a dtype, and may be written.
template <class X>
concept writable_elements =
    strided_elements<X> && !std::is_const_v<element_of<X>> && element<std::remove_volatile_t<element_of<X>>>;

template <class X>
struct pointee_of_shared {
    using type = void;
};

template <class X>
struct pointee_of_shared<std::shared_ptr<X>> {
    using type = X;
};

template <class Buffer>
inline constexpr bool is_shared_buffer = false;
template <class T>
inline constexpr bool is_shared_buffer<shared_buffer<T>> = true;

template <class X>
concept has_shared_buffer = requires { requires is_shared_buffer<typename X::storage_type>; };

}  // namespace detail

/// Whether the elements of an X stay alive and where they are as long as the X lives, whatever is assigned to it, so
/// that `adopt` takes a shared_ptr to it. True for `shared_array`, `shared_tensor`, `xt::xtensor_fixed`; to be
/// specialised for other containers of which it holds.
template <class X>
inline constexpr bool is_assigned_in_place_v = detail::has_shared_buffer<X>;
template <class EC, class Shape, xt::layout_type L, bool Sharable, class Tag>
inline constexpr bool is_assigned_in_place_v<xt::xfixed_container<EC, Shape, L, Sharable, Tag>> = true;

/// `view<T>(std::declval<Tensor>())` compiles: T is an element type, const where the tensor is const.
template <class T, class Tensor = at::Tensor&>
concept viewable = !std::is_reference_v<T> && element<std::remove_const_t<T>> &&
                   std::derived_from<std::remove_cvref_t<Tensor>, at::Tensor> &&
                   (std::is_const_v<T> || !std::is_const_v<std::remove_reference_t<Tensor>>);

/// `borrow(std::declval<C>())` compiles: the elements stay where they are, and no temporary owns them.
/// Ask with the value category: `borrowable<xt::xarray<float>&>` holds, `borrowable<xt::xarray<float>>` does not.
template <class C>
concept borrowable = detail::writable_elements<std::remove_reference_t<C>> &&
                     (std::is_lvalue_reference_v<C> || !detail::owns_elements<std::remove_reference_t<C>>::value);

/// `adopt(std::declval<C>())` compiles: C is an owning container that is moved in, or a shared_ptr to a container that
/// is assigned in place.
template <class C>
concept adoptable = (!std::is_lvalue_reference_v<C> && detail::writable_elements<std::remove_reference_t<C>> &&
                     detail::owns_elements<std::remove_reference_t<C>>::value &&
                     !detail::viewed_expression<std::remove_reference_t<C>>::is_view) ||
                    (detail::writable_elements<typename detail::pointee_of_shared<std::remove_cvref_t<C>>::type> &&
                     is_assigned_in_place_v<typename detail::pointee_of_shared<std::remove_cvref_t<C>>::type>);

/// `copy(std::declval<E>())` compiles: E is an xtensor expression whose value type has a dtype.
template <class E>
concept copyable =
    xt::is_xexpression<std::remove_cvref_t<E>>::value && element<typename std::remove_cvref_t<E>::value_type>;

/// Whether the elements of an X live in the storage of a tensor: true for a tensor_view and for xtensor views over
/// one, false for whatever owns its elements or computes them.
template <class X>
inline constexpr bool shares_storage_v = detail::looks_at_tensor<std::remove_cvref_t<X>>::value;

}  // namespace xtt
