// What the type of a view says.
#include "support/testing.hpp"

#include <xtensor-torch/view.hpp>

using xtt::tensor_view;
using view = tensor_view<float, 2>;
using const_view = tensor_view<const float, 2>;

static_assert(std::is_same_v<decltype(xtt::view<float>(std::declval<at::Tensor&>())), tensor_view<float>>);
static_assert(std::is_same_v<decltype(xtt::view<float, 2>(std::declval<at::Tensor>())), view>);
static_assert(std::is_same_v<decltype(xtt::view<const float, 2>(std::declval<const at::Tensor&>())), const_view>);
static_assert(std::is_same_v<decltype(xtt::view<float, 2, xt::layout_type::row_major>(std::declval<at::Tensor&>())),
                             tensor_view<float, 2, xt::layout_type::row_major>>);

static_assert(xt::is_xexpression<view>::value && xt::is_xexpression<const_view>::value);
static_assert(std::is_same_v<view::value_type, float> && std::is_same_v<const_view::value_type, float>);
static_assert(std::is_same_v<view::temporary_type, xt::xtensor<float, 2, xt::layout_type::row_major>>);
static_assert(std::is_same_v<tensor_view<const float>::temporary_type, xt::xarray<float, xt::layout_type::row_major>>);

// Writable views are assigned, read-only ones are not; neither can be resized or made without a tensor.
static_assert(std::is_copy_assignable_v<view> && std::is_assignable_v<view&, float>);
static_assert(std::is_assignable_v<view&, xt::xarray<double>> && std::is_assignable_v<view&, const_view>);
static_assert(!std::is_copy_assignable_v<const_view> && !std::is_assignable_v<const_view&, float>);
static_assert(!std::is_assignable_v<const_view&, xt::xarray<float>> && !std::is_assignable_v<const_view&, view>);
static_assert(!std::is_default_constructible_v<view> && std::is_copy_constructible_v<view>);
template <class V>
concept resizable = requires(V v, std::array<std::size_t, 2> shape) { v.resize(shape); } ||
                    requires(V v, std::array<std::size_t, 2> shape) { v.reshape(shape); };
static_assert(!resizable<view> && resizable<xt::xtensor<float, 2>>);

// Constness is deep.
static_assert(std::is_same_v<decltype(std::declval<view&>()(0, 0)), float&>);
static_assert(std::is_same_v<decltype(std::declval<const view&>()(0, 0)), const float&>);
static_assert(std::is_same_v<decltype(std::declval<const_view&>()(0, 0)), const float&>);
static_assert(std::is_same_v<decltype(std::declval<const_view&>().data()), const float*>);
