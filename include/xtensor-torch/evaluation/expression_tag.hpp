// xtensor lets a library mark its expressions by a tag: whatever is built over such an expression carries the tag, too,
// and xtensor asks the tag's assigner wherever one is assigned. This file gives views of tensors a tag of their own and
// tells xtensor how to hand it on; evaluate.hpp is the assigner. Every specialisation here is bound to that tag, so
// that a program's files agree on what xtensor's templates mean, whether they include this library or not.
#pragma once

#include <xtensor-torch/compatibility/xtensor.hpp>
#include <xtensor-torch/evaluation/overlap.hpp>

#include <concepts>
#include <cstddef>
#include <tuple>
#include <type_traits>

namespace xtt {

/// The tag by which xtensor knows expressions that contain a tensor_view.
struct tensor_expression_tag {};

}  // namespace xtt

namespace xt {

template <class T>
class xall;
template <class T>
class xnewaxis;

}  // namespace xt

namespace xtt::detail {

// The base that xtensor's expressions inherit the tag from.
struct tagged_base {
    using expression_tag = tensor_expression_tag;
};

struct tagged {
    using type = tagged_base;
};

template <class E>
concept tagged_expression = std::same_as<xt::xexpression_tag_t<E>, tensor_expression_tag>;

template <class Slice>
inline constexpr bool is_new_axis = false;
template <class I>
inline constexpr bool is_new_axis<xt::xnewaxis<I>> = true;

// Whether a slice may begin at another element than the first.
template <class Slice>
inline constexpr bool may_begin_later = !is_new_axis<Slice>;
template <class I>
inline constexpr bool may_begin_later<xt::xall<I>> = false;

// xtensor (0.24 to 0.27) looks for where a part begins with the strides of as many slices as its operand has
// dimensions, new axes among them, and takes 1 for those behind.
template <class E, class... Slice>
consteval bool begins_elsewhere() {
    constexpr bool is_new[] = {is_new_axis<Slice>...};
    constexpr bool later[] = {may_begin_later<Slice>...};
    // As many dimensions at least.
    std::size_t rank = 0;
    for (const bool adds : is_new) {
        rank += adds ? 0 : 1;
    }
    if constexpr (requires { std::tuple_size<typename E::shape_type>::value; }) {
        rank = std::tuple_size_v<typename E::shape_type>;
    }
    for (std::size_t i = rank; i < sizeof...(Slice); ++i) {
        if (later[i]) {
            return true;
        }
    }
    return false;
}

}  // namespace xtt::detail

namespace xt::detail {

template <class E, class... S>
struct is_strided_view;

// Such a part is found index by index.
template <class E, class... S>
    requires(xtt::detail::tagged_expression<E> && xtt::detail::begins_elsewhere<E, S...>())
struct is_strided_view<E, S...> : std::false_type {};

}  // namespace xt::detail

namespace xt::extension {

template <class EC, layout_type L, class SC, class Tag>
struct xarray_adaptor_base;
template <class EC, layout_type L, class SC, class Tag>
struct xarray_container_base;
template <class Tag, class CT, class X>
struct xbroadcast_base_impl;
template <class Tag, class CT, class S, layout_type L, class FST>
struct xdynamic_view_base_impl;
template <class Tag, class F, class... CT>
struct xfunction_base_impl;
template <class Tag, class F, class CT>
struct xfunctor_view_base_impl;
template <class Tag, class CT, class I>
struct xindex_view_base_impl;
template <class Tag, class F, class CT, class X, class O>
struct xreducer_base_impl;
template <class Tag, class CT, class X>
struct xrepeat_base_impl;
template <class Tag, class CT, class S, layout_type L, class FST>
struct xstrided_view_base_impl;
template <class EC, std::size_t N, layout_type L, class Tag>
struct xtensor_adaptor_base;
template <class EC, std::size_t N, layout_type L, class Tag>
struct xtensor_container_base;
template <class EC, std::size_t N, layout_type L, class Tag>
struct xtensor_view_base;
template <class Tag, class CT, class... S>
struct xview_base_impl;

// What xt::ravel makes of its operand has the operand's tag, and so has what holds such a result.
template <class EC, layout_type L, class SC>
struct xarray_adaptor_base<EC, L, SC, xtt::tensor_expression_tag> : xtt::detail::tagged {};
template <class EC, layout_type L, class SC>
struct xarray_container_base<EC, L, SC, xtt::tensor_expression_tag> : xtt::detail::tagged {};
template <class EC, std::size_t N, layout_type L>
struct xtensor_adaptor_base<EC, N, L, xtt::tensor_expression_tag> : xtt::detail::tagged {};
template <class EC, std::size_t N, layout_type L>
struct xtensor_container_base<EC, N, L, xtt::tensor_expression_tag> : xtt::detail::tagged {};
template <class EC, std::size_t N, layout_type L>
struct xtensor_view_base<EC, N, L, xtt::tensor_expression_tag> : xtt::detail::tagged {};

template <class CT, class X>
struct xbroadcast_base_impl<xtt::tensor_expression_tag, CT, X> : xtt::detail::tagged {};
template <class CT, class S, layout_type L, class FST>
struct xdynamic_view_base_impl<xtt::tensor_expression_tag, CT, S, L, FST> : xtt::detail::tagged {};
template <class F, class... CT>
struct xfunction_base_impl<xtt::tensor_expression_tag, F, CT...> : xtt::detail::tagged {};
template <class F, class CT>
struct xfunctor_view_base_impl<xtt::tensor_expression_tag, F, CT> : xtt::detail::tagged {};
template <class CT, class I>
struct xindex_view_base_impl<xtt::tensor_expression_tag, CT, I> : xtt::detail::tagged {};
template <class F, class CT, class X, class O>
struct xreducer_base_impl<xtt::tensor_expression_tag, F, CT, X, O> : xtt::detail::tagged {};
template <class CT, class X>
struct xrepeat_base_impl<xtt::tensor_expression_tag, CT, X> : xtt::detail::tagged {};
template <class CT, class S, layout_type L, class FST>
struct xstrided_view_base_impl<xtt::tensor_expression_tag, CT, S, L, FST> : xtt::detail::tagged {};
template <class CT, class... S>
struct xview_base_impl<xtt::tensor_expression_tag, CT, S...> : xtt::detail::tagged {};

// Beside an expression of optional values it is such an expression.
template <>
struct expression_tag_and<xtt::tensor_expression_tag, xoptional_expression_tag> {
    using type = xoptional_expression_tag;
};
template <>
struct expression_tag_and<xoptional_expression_tag, xtt::tensor_expression_tag> {
    using type = xoptional_expression_tag;
};

}  // namespace xt::extension

namespace xt {

template <class E>
    requires std::same_as<xexpression_tag_t<E>, xtt::tensor_expression_tag>
struct is_xtensor_expression<E> : std::true_type {};

// What holds its values is one of xtensor's own containers.
template <class T>
struct temporary_type_from_tag<xtt::tensor_expression_tag, T> : temporary_type_from_tag<xtensor_expression_tag, T> {};

// What xt::ravel makes reads elements through an iterator, and xtensor (0.24 to 0.27) would load a vector of those that
// lie behind the address of one, in whatever order the iterator goes, and beyond the last.
template <class EC, std::size_t N, layout_type L>
    requires xtt::detail::iterates_over_storage<xtensor_view<EC, N, L, xtt::tensor_expression_tag>>
struct has_simd_interface<xtensor_view<EC, N, L, xtt::tensor_expression_tag>> : std::false_type {};
template <class EC, std::size_t N, layout_type L, class T>
    requires xtt::detail::iterates_over_storage<xtensor_view<EC, N, L, xtt::tensor_expression_tag>>
struct has_simd_interface<xtensor_view<EC, N, L, xtt::tensor_expression_tag>, T> : std::false_type {};

namespace detail {

template <class F, class... E>
struct select_xfunction_expression<xtt::tensor_expression_tag, F, E...>
    : select_xfunction_expression<xtensor_expression_tag, F, E...> {};

#if defined(XTENSOR_USE_XSIMD)
// With xsimd, xtensor (0.24 to 0.27) writes the bools of a comparison over strided operands to the wrong places, and
// leaves some unwritten, when it takes whole rows at a time: `xt::xarray<bool> r = xt::equal(v, v)` with v =
// xt::view(a, xt::all(), xt::range(1, 3)) holds what the memory held before. Element by element it is right.
template <class F, class... Arguments>
    requires(std::same_as<typename xfunction<F, Arguments...>::value_type, bool> &&
             std::same_as<xexpression_tag_t<Arguments...>, xtt::tensor_expression_tag>)
struct use_strided_loop<xfunction<F, Arguments...>> : std::false_type {};
#endif

}  // namespace detail

}  // namespace xt
