// xtensor adds up elements in the type that a single addition gives: Half in Half, where 2048 + 1 is 2048 and where
// nothing lies beyond 65504. LibTorch adds them up in float. This file tells xtl that such types are numbers, as xtl
// does for its own half_float, and makes xtensor's sums and products start in float and stay there.
#pragma once

#include <c10/core/ScalarType.h>

#include <xtl/xtype_traits.hpp>

#include <concepts>
#include <tuple>
#include <type_traits>

namespace xtt::detail {

template <class T, class... Types>
concept one_of = (std::same_as<T, Types> || ...);

template <class T>
concept reduced_precision_class = one_of<T, c10::Half, c10::BFloat16, c10::Float8_e5m2, c10::Float8_e5m2fnuz,
                                         c10::Float8_e4m3fn, c10::Float8_e4m3fnuz>;

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

namespace xt {

template <class T>
struct const_value;

template <class Reduce, class Init, class Merge>
struct xreducer_functors;

template <class Accumulate, class Init>
struct xaccumulator_functor;

namespace traits_detail {

template <class T>
struct norm_type_base;

}  // namespace traits_detail

namespace detail {

struct plus;
struct multiplies;
struct nan_plus;
struct nan_multiplies;

template <class T>
struct accumulator_identity;

template <class T, int Value>
struct nan_init;

}  // namespace detail

}  // namespace xt

namespace xtt::detail {

// Float, once T is known.
template <reduced_precision T>
using float_for = std::conditional_t<reduced_precision<T>, float, T>;

// A value of T that a reduction starts with, in whichever type the reduction works.
template <reduced_precision T>
struct initial_value {
    T value;

    template <one_of<T, float> Accumulator>
    constexpr operator Accumulator() const noexcept {
        return static_cast<Accumulator>(value);
    }
};

template <class Accumulator>
struct initial_functor {
    using value_type = Accumulator;

    template <reduced_precision T>
    constexpr initial_functor(const xt::const_value<T>& init) : m_value(init()) {}

    constexpr Accumulator operator()() const noexcept { return m_value; }

private:
    Accumulator m_value;
};

// Sums and products, of which xt::mean, xt::variance and others are made, grow: the least and greatest do not.
template <class Reduce, class T>
using accumulator_t = std::conditional_t<
    one_of<Reduce, xt::detail::plus, xt::detail::multiplies, xt::detail::nan_plus, xt::detail::nan_multiplies>, float,
    T>;

}  // namespace xtt::detail

namespace xt {

template <xtt::detail::reduced_precision T>
struct const_value<T> {
    using value_type = T;

    constexpr const_value(T value = {}) : m_value{value} {}

    constexpr xtt::detail::initial_value<T> operator()() const noexcept { return m_value; }

private:
    xtt::detail::initial_value<T> m_value;
};

// xtensor takes this class apart as a tuple of its arguments, and asks its member types in what to accumulate.
template <class Reduce, xtt::detail::reduced_precision T, class Merge>
struct xreducer_functors<Reduce, const_value<T>, Merge> : std::tuple<Reduce, const_value<T>, Merge> {
    using reduce_functor_type = Reduce;
    using init_functor_type = xtt::detail::initial_functor<xtt::detail::accumulator_t<Reduce, T>>;
    using merge_functor_type = Merge;
    using init_value_type = typename init_functor_type::value_type;

    xreducer_functors(const Reduce& reduce, const const_value<T>& init)
        : std::tuple<Reduce, const_value<T>, Merge>(reduce, init, reduce) {}
    xreducer_functors(const Reduce& reduce, const const_value<T>& init, const Merge& merge)
        : std::tuple<Reduce, const_value<T>, Merge>(reduce, init, merge) {}
};

// xt::norm_lp.
template <xtt::detail::reduced_precision T>
struct traits_detail::norm_type_base<T> : traits_detail::norm_type_base<xtt::detail::float_for<T>> {};

// xt::cumsum and xt::cumprod.
template <class Accumulate, xtt::detail::reduced_precision T>
struct xaccumulator_functor<Accumulate, detail::accumulator_identity<T>>
    : std::tuple<Accumulate, detail::accumulator_identity<T>> {
    using accumulate_functor_type = Accumulate;
    using init_functor_type = detail::accumulator_identity<float>;
    using init_value_type = float;

    using std::tuple<Accumulate, detail::accumulator_identity<T>>::tuple;
};

// xt::nancumsum and xt::nancumprod.
template <class Accumulate, xtt::detail::reduced_precision T, int Value>
struct xaccumulator_functor<Accumulate, detail::nan_init<T, Value>>
    : std::tuple<Accumulate, detail::nan_init<T, Value>> {
    using accumulate_functor_type = Accumulate;
    using init_functor_type = detail::nan_init<float, Value>;
    using init_value_type = float;

    using std::tuple<Accumulate, detail::nan_init<T, Value>>::tuple;
};

}  // namespace xt
