// Compilers make no vectors of what branches, calls the C library, or might trap where the program would not: xtensor
// asks for the standard's functions one element at a time. This file has some of those without branches, for all values
// of float and double, zeros, infinities and NaN as well.
#pragma once

#include <xtensor-torch/compatibility/compiler.hpp>
#include <xtensor-torch/compatibility/xtensor.hpp>
#include <xtensor-torch/evaluation/vector_form.hpp>

#if XTENSOR_TORCH_XTENSOR_SUBFOLDERS
#include <xtensor/core/xmath.hpp>
#else
#include <xtensor/xmath.hpp>
#endif

#include <bit>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <functional>
#include <type_traits>

namespace xtt::detail {

template <std::floating_point T>
using bits_of = std::conditional_t<sizeof(T) == sizeof(std::int32_t), std::int32_t, std::int64_t>;

// By their bits, as compilers may turn arithmetic with the result of a comparison back into a branch.
template <std::floating_point T>
constexpr T selected(bool condition, T value, T otherwise) {
    const auto mask = static_cast<bits_of<T>>(-static_cast<bits_of<T>>(condition));
    return std::bit_cast<T>((mask & std::bit_cast<bits_of<T>>(value)) | (~mask & std::bit_cast<bits_of<T>>(otherwise)));
}

template <std::floating_point T>
constexpr T value_where(bool condition, T value) {
    return selected(condition, value, T(0));
}

// As the functors: of floats, of doubles, and whatever else xtensor's takes.
template <class F, class Function>
struct branchless_function : F {
    using F::operator();
    float operator()(const float& x) const { return Function()(x); }
    double operator()(const double& x) const { return Function()(x); }
};
template <class F, class Function>
struct branchless_function_of_two : F {
    using F::operator();
    float operator()(const float& x, const float& y) const { return Function()(x, y); }
    double operator()(const double& x, const double& y) const { return Function()(x, y); }
};

#if defined(XTENSOR_TORCH_HAS_TARGETS) && !defined(__clang__)

// GCC has an instruction for the nearest integer in a loop; for the others only where no operation may trap.
struct rounded_down {
    template <class T>
    T operator()(T x) const {
        const T nearest = std::nearbyint(x);
        return nearest - value_where(nearest > x, T(1));
    }
};

struct rounded_up {
    template <class T>
    T operator()(T x) const {
        return -rounded_down()(-x);
    }
};

struct rounded_to_zero {
    template <class T>
    T operator()(T x) const {
        return std::copysign(rounded_down()(std::abs(x)), x);
    }
};

// Of two that are as near, the one farther from zero.
struct rounded_half_away {
    template <class T>
    T operator()(T x) const {
        const T magnitude = std::abs(x);
        const T nearest = std::nearbyint(magnitude);
        return std::copysign(nearest + value_where(magnitude - nearest == T(0.5), T(1)), x);
    }
};

template <>
struct vector_form<xt::math::floor_fun> {
    using type = branchless_function<xt::math::floor_fun, rounded_down>;
};
template <>
struct vector_form<xt::math::ceil_fun> {
    using type = branchless_function<xt::math::ceil_fun, rounded_up>;
};
template <>
struct vector_form<xt::math::trunc_fun> {
    using type = branchless_function<xt::math::trunc_fun, rounded_to_zero>;
};
template <>
struct vector_form<xt::math::round_fun> {
    using type = branchless_function<xt::math::round_fun, rounded_half_away>;
};

#endif

struct sign_of {
    template <class T>
    T operator()(T x) const {
        return x > 0 ? T(1) : x < 0 ? T(-1) : x;
    }
};

struct positive_difference {
    template <class T>
    T operator()(T x, T y) const {
        return value_where(!(x <= y), x - y);
    }
};

// Where one is no number, the other.
struct least_number {
    template <class T>
    T operator()(T x, T y) const {
        return selected(std::isnan(y), x, x < y ? x : y);
    }
};

struct greatest_number {
    template <class T>
    T operator()(T x, T y) const {
        return selected(std::isnan(y), x, x > y ? x : y);
    }
};

template <>
struct vector_form<xt::math::sign_fun> {
    using type = branchless_function<xt::math::sign_fun, sign_of>;
};
template <>
struct vector_form<xt::math::fdim_fun> {
    using type = branchless_function_of_two<xt::math::fdim_fun, positive_difference>;
};
template <>
struct vector_form<xt::math::fmin_fun> {
    using type = branchless_function_of_two<xt::math::fmin_fun, least_number>;
};
template <>
struct vector_form<xt::math::fmax_fun> {
    using type = branchless_function_of_two<xt::math::fmax_fun, greatest_number>;
};

// Numbers of two types, which are compared as the type that both are converted to. GCC would convert one of them after
// it has branched.
template <class F, class Compare>
struct converted_choice : F {
    template <class X, class Y>
    constexpr auto operator()(const X& x, const Y& y) const noexcept {
        if constexpr (std::is_arithmetic_v<X> && std::is_arithmetic_v<Y> && !std::is_same_v<X, Y> &&
                      sizeof(X) <= sizeof(double) && sizeof(Y) <= sizeof(double)) {
            using result = std::common_type_t<X, Y>;
            const auto first = static_cast<result>(x);
            const auto second = static_cast<result>(y);
            if constexpr (std::is_floating_point_v<result>) {
                return selected(Compare()(first, second), first, second);
            } else {
                return Compare()(first, second) ? first : second;
            }
        } else {
            return F::operator()(x, y);
        }
    }
};

template <>
struct vector_form<xt::math::maximum<void>> {
    using type = converted_choice<xt::math::maximum<void>, std::greater<>>;
};
template <>
struct vector_form<xt::math::minimum<void>> {
    using type = converted_choice<xt::math::minimum<void>, std::less<>>;
};

// Both operands have been computed already: that the second is not asked in vain saves nothing.
struct both_true : xt::detail::logical_and {
    template <class X, class Y>
    bool operator()(const X& x, const Y& y) const {
        return static_cast<bool>(static_cast<int>(static_cast<bool>(x)) & static_cast<int>(static_cast<bool>(y)));
    }
};

struct any_true : xt::detail::logical_or {
    template <class X, class Y>
    bool operator()(const X& x, const Y& y) const {
        return static_cast<bool>(static_cast<int>(static_cast<bool>(x)) | static_cast<int>(static_cast<bool>(y)));
    }
};

template <>
struct vector_form<xt::detail::logical_and> {
    using type = both_true;
};
template <>
struct vector_form<xt::detail::logical_or> {
    using type = any_true;
};

}  // namespace xtt::detail
