// A power by a number is computed in blocks, as its exponent is known only when the program runs. The exponent that is
// meant nearly always, two, is worth a kernel of its own, which compilers make vectors of as of any product.
#pragma once

#include <xtensor-torch/evaluation/kernel.hpp>
#include <xtensor-torch/evaluation/power.hpp>

#include <tuple>
#include <type_traits>

namespace xtt::detail {

/// The square of a number, as a power of it, of type R.
template <class R>
struct square_as {
    template <class X>
    R operator()(const X& x) const {
        const R base = static_cast<R>(x);
        return base * base;
    }
};

// Whether a kernel has powers by a number.
template <class Kernel>
inline constexpr bool has_powers = false;
template <class F, class... Arguments>
inline constexpr bool has_powers<call<F, Arguments...>> =
    std::disjunction_v<std::bool_constant<has_powers<Arguments>>...>;
template <class Base, class Exponent>
inline constexpr bool has_powers<call<power_by_number, Base, constant<Exponent>>> =
    std::is_floating_point_v<typename call<power_by_number, Base, constant<Exponent>>::value_type>;

/// Whether all of them are squares.
template <class Kernel>
bool has_only_squares(const Kernel&) {
    return true;
}
template <class F, class... Arguments>
bool has_only_squares(const call<F, Arguments...>& kernel) {
    return std::apply([](const auto&... argument) { return (has_only_squares(argument) && ...); }, kernel.arguments);
}
template <class Base, class Exponent>
bool has_only_squares(const call<power_by_number, Base, constant<Exponent>>& power) {
    return +std::get<1>(power.arguments).value == 2 && has_only_squares(std::get<0>(power.arguments));
}

/// The same kernel with products in their place.
template <class Kernel>
auto with_squares(const Kernel& kernel) {
    return kernel;
}
template <class F, class... Arguments>
auto with_squares(const call<F, Arguments...>& kernel) {
    return with_arguments(kernel, [](const auto& argument) { return with_squares(argument); });
}
template <class Base, class Exponent>
auto with_squares(const call<power_by_number, Base, constant<Exponent>>& power) {
    using product = square_as<typename call<power_by_number, Base, constant<Exponent>>::value_type>;
    const auto base = with_squares(std::get<0>(power.arguments));
    return call<product, std::remove_const_t<decltype(base)>>{{}, std::tuple(base)};
}

}  // namespace xtt::detail
