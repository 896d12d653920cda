// Bytes become numbers from 0 to 1 by a division, which takes a processor several times as long as a product. This file
// multiplies by the two halves of the reciprocal where that is known to round to the same number.
#pragma once

#include <xtensor-torch/compatibility/xtensor.hpp>
#include <xtensor-torch/evaluation/kernel.hpp>

#include <cmath>
#include <concepts>
#include <cstdlib>
#include <limits>
#include <tuple>
#include <type_traits>

namespace xtt::detail {

/// A number of eight bits by a number whose reciprocal is high + low, of type R.
///
/// `high` has eight bits less than R, so that its product is exact; the other one is wrong by less than 2^-(2p - 10) of
/// the quotient, where R has p bits. A quotient by a number of n bits is a number of R, or further than 2^-(p + 1 + n)
/// from the middle between two: with n up to p - 12 the sum is rounded to the same side.
template <class R>
struct quotient_of_byte {
    static constexpr int digits = std::numeric_limits<R>::digits;
    static constexpr int most_digits = digits - 12;

    R high;
    R low;

    explicit quotient_of_byte(R divisor) {
        int exponent = 0;
        const R fraction = std::frexp(1 / divisor, &exponent);
        high = std::ldexp(std::trunc(std::ldexp(fraction, digits - 8)), exponent - (digits - 8));
        low = std::fma(-high, divisor, R(1)) / divisor;
    }

    /// Whether the two round to the same number: not for numbers with more digits, or of an unusual size, and not for
    /// negative ones, whose zeros have a sign.
    static bool is_exact(R divisor) {
        int exponent = 0;
        const R number = std::ldexp(std::frexp(divisor, &exponent), most_digits);
        return divisor > 0 && std::isfinite(divisor) && number == std::trunc(number) && std::abs(exponent) < 40;
    }

    template <class X>
    R operator()(const X& x) const {
        const R byte = static_cast<R>(x);
        return byte * high + byte * low;
    }
};

// Whether a part of a kernel has values of eight bits.
template <class Kernel>
inline constexpr bool is_byte = false;
template <class V>
inline constexpr bool is_byte<operand<V>> = std::integral<V> && sizeof(V) == 1;
template <class F, class Argument>
inline constexpr bool is_byte<call<F, Argument>> =
    is_byte<Argument> && std::is_same_v<F, typename xt::detail::cast<typename call<F, Argument>::value_type>::functor>;

// Whether a kernel divides such values by a number.
template <class Kernel>
inline constexpr bool has_quotients = false;
template <class F, class... Arguments>
inline constexpr bool has_quotients<call<F, Arguments...>> =
    std::disjunction_v<std::bool_constant<has_quotients<Arguments>>...>;
template <class Byte, class R>
    requires(is_byte<Byte> && (std::is_same_v<R, float> || std::is_same_v<R, double>))
inline constexpr bool has_quotients<call<xt::detail::divides, Byte, constant<R>>> =
    std::is_same_v<typename call<xt::detail::divides, Byte, constant<R>>::value_type, R>;

/// Whether products round to the same numbers as all of these quotients.
template <class Kernel>
bool has_exact_quotients(const Kernel&) {
    return true;
}
template <class F, class... Arguments>
bool has_exact_quotients(const call<F, Arguments...>& kernel) {
    return std::apply([](const auto&... argument) { return (has_exact_quotients(argument) && ...); }, kernel.arguments);
}
template <class Byte, class R>
    requires has_quotients<call<xt::detail::divides, Byte, constant<R>>>
bool has_exact_quotients(const call<xt::detail::divides, Byte, constant<R>>& quotient) {
    return quotient_of_byte<R>::is_exact(std::get<1>(quotient.arguments).value);
}

/// The same kernel with products in their place.
template <class Kernel>
auto with_products(const Kernel& kernel) {
    return kernel;
}
template <class F, class... Arguments>
auto with_products(const call<F, Arguments...>& kernel) {
    return with_arguments(kernel, [](const auto& argument) { return with_products(argument); });
}
template <class Byte, class R>
    requires has_quotients<call<xt::detail::divides, Byte, constant<R>>>
auto with_products(const call<xt::detail::divides, Byte, constant<R>>& quotient) {
    const auto& [byte, divisor] = quotient.arguments;
    return call<quotient_of_byte<R>, Byte>{quotient_of_byte<R>(divisor.value), std::tuple<Byte>(byte)};
}

}  // namespace xtt::detail
