// c10's operators on Half and BFloat16 convert both operands to float and the result back, one by one, and so does
// each functor of an expression. This file makes a kernel of such an expression that stays in float from one functor to
// the next, and rounds where the functors would have.
#pragma once

#include <xtensor-torch/compatibility/xtensor.hpp>
#include <xtensor-torch/elements/accumulation.hpp>
#include <xtensor-torch/evaluation/kernel.hpp>
#include <xtensor-torch/evaluation/operands.hpp>
#include <xtensor-torch/evaluation/purity.hpp>
#include <xtensor-torch/evaluation/reduction.hpp>
#include <xtensor-torch/evaluation/short_floats.hpp>

#if XTENSOR_TORCH_XTENSOR_SUBFOLDERS
#include <xtensor/core/xmath.hpp>
#include <xtensor/core/xoperation.hpp>
#else
#include <xtensor/xmath.hpp>
#include <xtensor/xoperation.hpp>
#endif

#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

namespace xtt::detail {

// An operand of a shorter type, which may have been converted already.
template <class S>
struct operand_in_float {
    using value_type = float;
    static constexpr std::size_t operands = 1;

    template <std::size_t First, class Pointers>
    float element(const Pointers& in, std::ptrdiff_t i) const {
        return static_cast<float>(std::get<First>(in)[i]);
    }

    template <std::size_t First, std::ptrdiff_t Size, class Pointers>
    operand_in_float in_stages(const Pointers&) const {
        return *this;
    }

    template <class B, std::size_t First, class Pointers>
    B batch(const Pointers& in, std::ptrdiff_t i) const {
        return B::load_unaligned(std::get<First>(in) + i);
    }
};

#if defined(XTENSOR_USE_XSIMD)
template <class S>
inline constexpr bool has_batch_form<float, operand_in_float<S>> = converted_in_rows<S>;
#endif

// What gives values of the shorter type for such values, and need not be rounded to them.
template <class F>
concept keeps_precision = one_of<F, xt::detail::identity, xt::detail::negate, xt::detail::conditional_ternary,
                                 xt::math::abs_fun, xt::math::fabs_fun, xt::math::fmax_fun, xt::math::fmin_fun,
                                 xt::math::ceil_fun, xt::math::floor_fun, xt::math::trunc_fun, xt::math::round_fun,
                                 xt::math::nearbyint_fun, xt::math::rint_fun, xt::math::clamp_fun> ||
                          is_greatest<F> || is_least<F>;

// For an integer beside a Half, c10 defines these by what a Half of the integer gives.
template <class F>
concept converts_integers = one_of<F, xt::detail::plus, xt::detail::minus, xt::detail::multiplies, xt::detail::divides>;

// The only short float among the types; void where there is none, or two.
template <class... V>
struct short_type {
    using type = void;
};
template <class V, class... Other>
struct short_type<V, Other...> : short_type<Other...> {};
template <short_float S, class... V>
struct short_type<S, V...> {
    using type = std::conditional_t<((!short_float<V> || std::is_same_v<S, V>) && ...), S, void>;
};

// In the place of a kernel that cannot be made.
struct no_kernel {};

template <class S, class Kernel>
call<rounded_to<S>, Kernel> rounded(const Kernel& kernel) {
    return {{}, std::tuple<Kernel>(kernel)};
}

template <class F, class S, class Kernel>
auto wide_argument(const Kernel& kernel) {
    using V = typename Kernel::value_type;
    if constexpr (converts_integers<F> && short_float<S> && std::is_integral_v<V>) {
        return rounded<S>(kernel);
    } else {
        return kernel;
    }
}

// The call of a functor whose arguments have the types V, of kernels that compute them in float.
template <class F, class... V, class... Kernel>
auto wide_call(const F& function, const Kernel&... arguments) {
    using R = std::decay_t<std::invoke_result_t<const F&, const V&...>>;
    using S = typename short_type<V...>::type;
    if constexpr ((std::is_same_v<Kernel, no_kernel> || ...) || (std::is_void_v<S> && (short_float<V> || ...))) {
        return no_kernel();
    } else {
        const auto in_floats = call_of(function, wide_argument<F, S>(arguments)...);
        using W = typename decltype(in_floats)::value_type;
        constexpr bool is_exact = keeps_precision<F> && ((std::is_same_v<V, R> || std::is_same_v<V, bool>) && ...);
        if constexpr (std::is_same_v<W, computed_t<R>> && (!short_float<R> || is_exact)) {
            return in_floats;
        } else if constexpr (short_float<R> && std::is_same_v<W, float>) {
            return rounded<R>(in_floats);
        } else if constexpr (short_float<R> && std::is_same_v<W, R> && sizeof...(V) == 1) {
            return rounded<R>(arguments...);  // a conversion
        } else {
            return no_kernel();
        }
    }
}

// Whether a functor says by its result for floats what it gives for shorter types, as those of the libraries do but for
// the one that asks what the greatest number is; xt::cube is rounded once, then. One of the user's may ask for more.
template <class E>
inline constexpr bool is_known_call = false;
template <class F, class... Arguments>
inline constexpr bool is_known_call<xt::xfunction<F, Arguments...>> =
    !(short_float<typename std::decay_t<Arguments>::value_type> || ...) ||
    (!std::is_same_v<F, xt::detail::nan_to_num_functor> &&
     (functor_of_a_library<F> || is_named_lambda<F> ||
      is_pure_lambda<F, xt::xfunction<F, Arguments...>, Arguments...>));

// What is kept in memory, read as what it is computed in.
template <class V>
using operand_to_compute = std::conditional_t<short_float<V>, operand_in_float<V>, operand<V>>;

template <class E>
auto wide_kernel_of(const E& e);

template <class Call, class Argument>
auto wide_kernel_of_argument(const Argument& argument) {
    using V = typename Argument::value_type;
    if constexpr (is_evaluated_first<Call, Argument> && (short_float<V> || std::is_arithmetic_v<V>)) {
        return operand_to_compute<V>();
    } else {
        return wide_kernel_of(argument);
    }
}

/// A kernel that reads Half and BFloat16 as floats and computes in float, or no_kernel.
template <class E>
auto wide_kernel_of(const E& e) {
    using V = typename E::value_type;
    if constexpr (!short_float<V> && !std::is_arithmetic_v<V>) {
        return no_kernel();
    } else if constexpr (xt::is_xscalar<E>::value) {
        return constant<computed_t<V>>{static_cast<computed_t<V>>(e())};
    } else if constexpr (is_elementwise_call<E>::value) {
        if constexpr (is_known_call<E>) {
            return std::apply(
                [&](const auto&... argument) {
                    return wide_call<typename E::functor_type,
                                     typename std::remove_cvref_t<decltype(argument)>::value_type...>(
                        e.functor(), wide_kernel_of_argument<E>(argument)...);
                },
                e.arguments());
        } else {
            return no_kernel();
        }
    } else if constexpr (is_broadcast<E>::value) {
        return wide_kernel_of(e.expression());
    } else {
        return operand_to_compute<V>();
    }
}

// Whether a kernel reads operands as floats that are shorter in memory.
template <class Kernel>
inline constexpr bool reads_in_floats = false;
template <class S>
inline constexpr bool reads_in_floats<operand_in_float<S>> = true;
template <class F, class... Arguments>
inline constexpr bool reads_in_floats<call<F, Arguments...>> = (reads_in_floats<Arguments> || ...);

template <class E>
using wide_kernel_t = decltype(wide_kernel_of(std::declval<const E&>()));

template <class E>
inline constexpr bool has_short_floats = short_float<typename E::value_type>;
template <class F, class... Arguments>
inline constexpr bool has_short_floats<xt::xfunction<F, Arguments...>> =
    (has_short_floats<std::decay_t<Arguments>> || ...);

// Whether elements of type T are computed in float of an expression: but for those that are only moved.
template <class T, class E>
inline constexpr bool computes_in_floats = false;
template <class T, class E>
    requires(short_float<T> || has_short_floats<E>)
inline constexpr bool computes_in_floats<T, E> =
    (short_float<T> || std::is_arithmetic_v<T>) && !std::is_same_v<wide_kernel_t<E>, no_kernel> &&
    !std::is_same_v<wide_kernel_t<E>, operand_in_float<T>>;

template <class T, class Kernel>
inline constexpr bool rounds_to = false;
template <class T, class Kernel>
inline constexpr bool rounds_to<T, call<rounded_to<T>, Kernel>> = true;

// Whether all values of a kernel are numbers of type T.
template <class T, class Kernel>
inline constexpr bool stays_in = false;
template <class T>
inline constexpr bool stays_in<T, operand_in_float<T>> = true;
template <class T, class Kernel>
inline constexpr bool stays_in<T, call<rounded_to<T>, Kernel>> = true;
template <class T, class F, class... Arguments>
    requires keeps_precision<F>
inline constexpr bool stays_in<T, call<F, Arguments...>> = (stays_in<T, Arguments> && ...);

/// The kernel for results of type T: what converts them to T rounds them once, and only where there is a need to.
template <class T, class E>
auto wide_kernel_for(const E& e) {
    const auto kernel = wide_kernel_of(e);
    if constexpr (rounds_to<T, wide_kernel_t<E>>) {
        return std::get<0>(kernel.arguments);
    } else if constexpr (std::is_same_v<T, c10::BFloat16> &&
                         (std::is_same_v<T, typename E::value_type> || stays_in<T, wide_kernel_t<E>>)) {
        return call<shortened, wide_kernel_t<E>>{{}, std::tuple(kernel)};
    } else {
        return kernel;
    }
}

}  // namespace xtt::detail
