// xtl knows which types are numbers by their names. This file tells it of those that LibTorch adds, as xtl does of its
// own half_float: without it xt::isnan and the norms of them do not compile. Nothing that compiles without this file
// means anything else with it.
#pragma once

#include <c10/core/ScalarType.h>

#include <xtl/xtype_traits.hpp>

#include <concepts>
#include <type_traits>

namespace xtt::detail {

template <class T, class... Types>
concept one_of = (std::same_as<T, Types> || ...);

template <class T>
concept reduced_precision_class = one_of<T, c10::Half, c10::BFloat16, c10::Float8_e5m2, c10::Float8_e5m2fnuz,
                                         c10::Float8_e4m3fn, c10::Float8_e4m3fnuz>;

template <class T>
concept short_float = one_of<T, c10::Half, c10::BFloat16>;

// The types too narrow to accumulate in; with those that C++23 adds.
template <class T>
concept reduced_precision = reduced_precision_class<T> || (std::floating_point<T> && sizeof(T) < sizeof(float));

}  // namespace xtt::detail

namespace xtl {

template <xtt::detail::reduced_precision_class T>
struct is_scalar<T> : std::true_type {};

template <xtt::detail::reduced_precision_class T>
struct is_arithmetic<T> : std::true_type {};

template <xtt::detail::reduced_precision_class T>
struct is_signed<T> : std::true_type {};

template <xtt::detail::reduced_precision_class T>
struct is_floating_point<T> : std::true_type {};

// xtl 0.8 asks std::is_scalar here, of which nobody may have an opinion.
template <xtt::detail::reduced_precision_class T>
struct all_scalar<bool, T, T> : std::true_type {};

}  // namespace xtl

namespace xtt::detail {

// Float, once T is known.
template <reduced_precision T>
using float_for = std::conditional_t<reduced_precision<T>, float, T>;

}  // namespace xtt::detail

namespace xt::traits_detail {

template <class T>
struct norm_type_base;

// xt::norm_lp.
template <xtt::detail::reduced_precision T>
struct norm_type_base<T> : norm_type_base<xtt::detail::float_for<T>> {};

}  // namespace xt::traits_detail
