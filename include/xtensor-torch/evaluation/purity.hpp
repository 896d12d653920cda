// xtensor calls the functor of an expression once an element, in order, on one thread. This library's loops share the
// elements among threads, and compute several at once; that is right only for functors without state. C++ cannot tell:
// a functor without members may still count its calls in a static. This file says which functors are known to be pure.
#pragma once

#include <concepts>
#include <string_view>
#include <type_traits>
#include <utility>

namespace xt::detail {

template <class F>
struct lambda_adapt;

}  // namespace xt::detail

namespace xtt {

/// Whether the result of a functor depends on its arguments alone, and calling it does nothing else.
///
/// Such functors are called from several threads at once and in any order, all others in xtensor's order by the thread
/// that assigns. True for the functors of xtensor and of the standard library; specialise it for one of your own:
/// `template <> inline constexpr bool xtt::is_pure_v<my_functor> = true;`, where it is seen before its first use.
template <class F>
inline constexpr bool is_pure_v = false;

namespace detail {

// The compiler's name of a type, without what the compiler writes around it.
template <class F>
consteval std::string_view compiler_name() {
#if defined(__GNUC__) || defined(__clang__)
    const std::string_view name = __PRETTY_FUNCTION__;
    return name.substr(name.find("F = ") + 4);
#else
    return {};
#endif
}

// A functor of those libraries, without members: one with members may be made of a functor of the user's.
template <class F>
concept functor_of_a_library =
    std::is_empty_v<F> && (compiler_name<F>().starts_with("xt::") || compiler_name<F>().starts_with("xtl::") ||
                           compiler_name<F>().starts_with("std::"));

// xt::square and xt::cube make a lambda in their body, a type for each kind of argument. Only calling them again tells
// it from a lambda of the user's. The names are found in xtensor's namespace through the argument.
template <class Function, class X>
concept square_or_cube = requires(X&& x) {
    { square(std::forward<X>(x)) } -> std::same_as<Function>;
} || requires(X&& x) {
    { cube(std::forward<X>(x)) } -> std::same_as<Function>;
};

template <class F, class Function, class... Arguments>
inline constexpr bool is_pure_lambda = false;
template <class F, class Function, class X>
inline constexpr bool is_pure_lambda<xt::detail::lambda_adapt<F>, Function, X> =
    square_or_cube<Function, std::remove_cvref_t<X>&> || square_or_cube<Function, const std::remove_cvref_t<X>&> ||
    square_or_cube<Function, std::remove_cvref_t<X>>;

template <class F>
inline constexpr bool is_named_lambda = false;
template <functor_of_a_library F>
inline constexpr bool is_named_lambda<xt::detail::lambda_adapt<F>> = true;

// Whether the functor F of `Function`, an xfunction of the arguments, may be called in any order.
template <class F, class Function, class... Arguments>
inline constexpr bool is_pure_call =
    is_pure_v<F> || functor_of_a_library<F> || is_named_lambda<F> || is_pure_lambda<F, Function, Arguments...>;

}  // namespace detail

}  // namespace xtt
