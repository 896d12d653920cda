// xtensor writes an expression as a tree of functors. This file has, for each of its differentiable functors, the
// partial derivatives as xtensor expressions, and the same function in LibTorch's own operators, by which autograd
// differentiates as often as it is asked to.
#pragma once

#include <xtensor-torch/compatibility/xtensor.hpp>
#include <xtensor-torch/derivative.hpp>
#include <xtensor-torch/evaluation/purity.hpp>

#if XTENSOR_TORCH_XTENSOR_SUBFOLDERS
#include <xtensor/core/xmath.hpp>
#else
#include <xtensor/xmath.hpp>
#endif

#include <ATen/core/Tensor.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/acos.h>
#include <ATen/ops/acosh.h>
#include <ATen/ops/add.h>
#include <ATen/ops/asin.h>
#include <ATen/ops/asinh.h>
#include <ATen/ops/atan.h>
#include <ATen/ops/atan2.h>
#include <ATen/ops/atanh.h>
#include <ATen/ops/ceil.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/cos.h>
#include <ATen/ops/cosh.h>
#include <ATen/ops/div.h>
#include <ATen/ops/eq.h>
#include <ATen/ops/erf.h>
#include <ATen/ops/erfc.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/exp2.h>
#include <ATen/ops/expm1.h>
#include <ATen/ops/floor.h>
#include <ATen/ops/fmax.h>
#include <ATen/ops/fmin.h>
#include <ATen/ops/fmod.h>
#include <ATen/ops/ge.h>
#include <ATen/ops/gt.h>
#include <ATen/ops/hypot.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/isinf.h>
#include <ATen/ops/isnan.h>
#include <ATen/ops/le.h>
#include <ATen/ops/log.h>
#include <ATen/ops/log10.h>
#include <ATen/ops/log1p.h>
#include <ATen/ops/log2.h>
#include <ATen/ops/logical_and.h>
#include <ATen/ops/logical_not.h>
#include <ATen/ops/logical_or.h>
#include <ATen/ops/lt.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/ne.h>
#include <ATen/ops/neg.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/round.h>
#include <ATen/ops/sgn.h>
#include <ATen/ops/sin.h>
#include <ATen/ops/sinh.h>
#include <ATen/ops/sqrt.h>
#include <ATen/ops/sub.h>
#include <ATen/ops/tan.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/trunc.h>
#include <ATen/ops/where.h>

#include <cstddef>
#include <numbers>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace xtt {

namespace detail {

// Derivatives that are numbers known to the compiler: what is multiplied by them needs no multiplication.
struct zero_derivative {};
struct unit_derivative {};
struct minus_unit_derivative {};

// xt::square and xt::cube call a functor or, in newer versions of xtensor, a lambda, which Clang names by its place.
template <class F>
consteval std::size_t exponent_of() {
    constexpr std::string_view name = compiler_name<F>();
    if constexpr (name.starts_with("xt::square")) {
        return 2;
    } else if constexpr (name.starts_with("xt::cube")) {
        return 3;
    } else if constexpr (name.starts_with("(lambda at ") && name.find("xmath.hpp:") != std::string_view::npos) {
        constexpr double power_of_two = F()(2.0);
        return power_of_two == 4 ? 2 : 3;
    } else {
        return 0;
    }
}

// A division that several derivatives have in common is the slowest part of many. The compiler sees that it is the same
// where its dividend is a part of the functor's type.
struct reciprocal {
    template <class V>
    V operator()(const V& value) const {
        return V(1) / value;
    }
};

template <class E>
auto reciprocal_of(E e) {
    return xt::xfunction<reciprocal, E>(reciprocal(), std::move(e));
}

template <class X>
using value_of = typename std::remove_cvref_t<decltype(std::declval<const X&>()())>::value_type;

}  // namespace detail

#define XTENSOR_TORCH_DERIVATIVE(FUNCTOR, PARTIAL, IN_TORCH)                 \
    template <>                                                              \
    struct derivative<FUNCTOR> {                                             \
        template <class X>                                                   \
        static auto partials([[maybe_unused]] const X& x) {                  \
            using T [[maybe_unused]] = detail::value_of<X>;                  \
            return std::make_tuple(PARTIAL);                                 \
        }                                                                    \
        static at::Tensor in_torch(const at::Tensor& x) { return IN_TORCH; } \
    };

#define XTENSOR_TORCH_DERIVATIVE_OF_TWO(FUNCTOR, BY_X, BY_Y, IN_TORCH)                               \
    template <>                                                                                      \
    struct derivative<FUNCTOR> {                                                                     \
        template <class X, class Y>                                                                  \
        static auto partials([[maybe_unused]] const X& x, [[maybe_unused]] const Y& y) {             \
            using T [[maybe_unused]] = std::common_type_t<detail::value_of<X>, detail::value_of<Y>>; \
            return std::make_tuple(BY_X, BY_Y);                                                      \
        }                                                                                            \
        static at::Tensor in_torch(const at::Tensor& x, const at::Tensor& y) { return IN_TORCH; }    \
    };

// Arithmetic.
XTENSOR_TORCH_DERIVATIVE(xt::detail::identity, detail::unit_derivative(), x)
XTENSOR_TORCH_DERIVATIVE(xt::detail::negate, detail::minus_unit_derivative(), at::neg(x))
XTENSOR_TORCH_DERIVATIVE_OF_TWO(xt::detail::plus, detail::unit_derivative(), detail::unit_derivative(), at::add(x, y))
XTENSOR_TORCH_DERIVATIVE_OF_TWO(xt::detail::minus, detail::unit_derivative(), detail::minus_unit_derivative(),
                                at::sub(x, y))
XTENSOR_TORCH_DERIVATIVE_OF_TWO(xt::detail::multiplies, y(), x(), at::mul(x, y))
XTENSOR_TORCH_DERIVATIVE_OF_TWO(xt::detail::divides, detail::reciprocal_of(y()),
                                -x() * detail::reciprocal_of(y()) * detail::reciprocal_of(y()), at::div(x, y))
template <std::size_t N>
struct derivative<xt::detail::lambda_adapt<xt::detail::pow_impl<N>>> {
    template <class X>
    static auto partials(const X& x) {
        if constexpr (N == 0) {
            return std::make_tuple(detail::zero_derivative());
        } else {
            return std::make_tuple(detail::value_of<X>(N) * xt::pow<N - 1>(x()));
        }
    }
    static at::Tensor in_torch(const at::Tensor& x) { return at::pow(x, static_cast<double>(N)); }
};

template <class F>
    requires(detail::exponent_of<F>() != 0)
struct derivative<xt::detail::lambda_adapt<F>>
    : derivative<xt::detail::lambda_adapt<xt::detail::pow_impl<detail::exponent_of<F>()>>> {};

// Remainders of quotients that are rounded towards zero, and to the nearest whole number.
XTENSOR_TORCH_DERIVATIVE_OF_TWO(xt::math::fmod_fun, detail::unit_derivative(), -xt::trunc(x() / y()), at::fmod(x, y))
XTENSOR_TORCH_DERIVATIVE_OF_TWO(xt::math::remainder_fun, detail::unit_derivative(), -xt::rint(x() / y()),
                                at::sub(x, at::mul(y, at::round(at::div(x, y)))))

// Powers, exponentials and logarithms. A power is constant where its exponent is zero, as LibTorch has it.
XTENSOR_TORCH_DERIVATIVE_OF_TWO(xt::math::pow_fun,
                                xt::where(xt::equal(y(), T(0)), T(0), y() * xt::pow(x(), y() - T(1))),
                                xt::where(xt::equal(x(), T(0)) && y() >= T(0), T(0), xt::pow(x(), y()) * xt::log(x())),
                                at::pow(x, y))
XTENSOR_TORCH_DERIVATIVE(xt::math::sqrt_fun, T(1) / (T(2) * xt::sqrt(x())), at::sqrt(x))
XTENSOR_TORCH_DERIVATIVE(xt::math::cbrt_fun, T(1) / (T(3) * xt::square(xt::cbrt(x()))),
                         at::mul(at::sgn(x), at::pow(at::abs(x), 1.0 / 3)))
XTENSOR_TORCH_DERIVATIVE(xt::math::exp_fun, xt::exp(x()), at::exp(x))
XTENSOR_TORCH_DERIVATIVE(xt::math::exp2_fun, xt::exp2(x()) * T(std::numbers::ln2), at::exp2(x))
XTENSOR_TORCH_DERIVATIVE(xt::math::expm1_fun, xt::exp(x()), at::expm1(x))
XTENSOR_TORCH_DERIVATIVE(xt::math::log_fun, T(1) / x(), at::log(x))
XTENSOR_TORCH_DERIVATIVE(xt::math::log2_fun, T(1) / (x() * T(std::numbers::ln2)), at::log2(x))
XTENSOR_TORCH_DERIVATIVE(xt::math::log10_fun, T(1) / (x() * T(std::numbers::ln10)), at::log10(x))
XTENSOR_TORCH_DERIVATIVE(xt::math::log1p_fun, T(1) / (x() + T(1)), at::log1p(x))
XTENSOR_TORCH_DERIVATIVE_OF_TWO(xt::math::hypot_fun, x() / xt::hypot(x(), y()), y() / xt::hypot(x(), y()),
                                at::hypot(x, y))

// Trigonometric and hyperbolic functions.
XTENSOR_TORCH_DERIVATIVE(xt::math::sin_fun, xt::cos(x()), at::sin(x))
XTENSOR_TORCH_DERIVATIVE(xt::math::cos_fun, -xt::sin(x()), at::cos(x))
XTENSOR_TORCH_DERIVATIVE(xt::math::tan_fun, T(1) + xt::square(xt::tan(x())), at::tan(x))
XTENSOR_TORCH_DERIVATIVE(xt::math::asin_fun, T(1) / xt::sqrt(T(1) - x() * x()), at::asin(x))
XTENSOR_TORCH_DERIVATIVE(xt::math::acos_fun, T(-1) / xt::sqrt(T(1) - x() * x()), at::acos(x))
XTENSOR_TORCH_DERIVATIVE(xt::math::atan_fun, T(1) / (T(1) + x() * x()), at::atan(x))
XTENSOR_TORCH_DERIVATIVE_OF_TWO(xt::math::atan2_fun, y() / (x() * x() + y() * y()), -x() / (x() * x() + y() * y()),
                                at::atan2(x, y))
XTENSOR_TORCH_DERIVATIVE(xt::math::sinh_fun, xt::cosh(x()), at::sinh(x))
XTENSOR_TORCH_DERIVATIVE(xt::math::cosh_fun, xt::sinh(x()), at::cosh(x))
XTENSOR_TORCH_DERIVATIVE(xt::math::tanh_fun, T(1) - xt::square(xt::tanh(x())), at::tanh(x))
XTENSOR_TORCH_DERIVATIVE(xt::math::asinh_fun, T(1) / xt::sqrt(x() * x() + T(1)), at::asinh(x))
XTENSOR_TORCH_DERIVATIVE(xt::math::acosh_fun, T(1) / xt::sqrt(x() * x() - T(1)), at::acosh(x))
XTENSOR_TORCH_DERIVATIVE(xt::math::atanh_fun, T(1) / (T(1) - x() * x()), at::atanh(x))
XTENSOR_TORCH_DERIVATIVE(xt::math::erf_fun, T(2 * std::numbers::inv_sqrtpi) * xt::exp(-(x() * x())), at::erf(x))
XTENSOR_TORCH_DERIVATIVE(xt::math::erfc_fun, T(-2 * std::numbers::inv_sqrtpi) * xt::exp(-(x() * x())), at::erfc(x))

// Choices. Where two arguments are equal, xt::maximum and xt::minimum share the gradient and the others give it to the
// first, as LibTorch's functions do.
XTENSOR_TORCH_DERIVATIVE(xt::math::abs_fun, xt::sign(x()), at::abs(x))
XTENSOR_TORCH_DERIVATIVE(xt::math::fabs_fun, xt::sign(x()), at::abs(x))
XTENSOR_TORCH_DERIVATIVE_OF_TWO(xt::math::maximum<void>,
                                xt::where(x() < y(), T(0), xt::where(xt::equal(x(), y()), T(0.5), T(1))),
                                xt::where(x() > y(), T(0), xt::where(xt::equal(x(), y()), T(0.5), T(1))),
                                at::maximum(x, y))
XTENSOR_TORCH_DERIVATIVE_OF_TWO(xt::math::minimum<void>,
                                xt::where(x() > y(), T(0), xt::where(xt::equal(x(), y()), T(0.5), T(1))),
                                xt::where(x() < y(), T(0), xt::where(xt::equal(x(), y()), T(0.5), T(1))),
                                at::minimum(x, y))
XTENSOR_TORCH_DERIVATIVE_OF_TWO(xt::math::fmax_fun, xt::where(x() >= y() || xt::isnan(y()), T(1), T(0)),
                                xt::where(x() >= y() || xt::isnan(y()), T(0), T(1)), at::fmax(x, y))
XTENSOR_TORCH_DERIVATIVE_OF_TWO(xt::math::fmin_fun, xt::where(x() <= y() || xt::isnan(y()), T(1), T(0)),
                                xt::where(x() <= y() || xt::isnan(y()), T(0), T(1)), at::fmin(x, y))

template <>
struct derivative<xt::math::clamp_fun> {
    template <class X, class L, class H>
    static auto partials(const X& x, const L& least, const H& greatest) {
        using T = detail::value_of<X>;
        return std::make_tuple(xt::where(x() >= least() && x() <= greatest(), T(1), T(0)),
                               xt::where(x() < least() && least() < greatest(), T(1), T(0)),
                               xt::where(x() > greatest() || greatest() < least(), T(1), T(0)));
    }
    static at::Tensor in_torch(const at::Tensor& x, const at::Tensor& least, const at::Tensor& greatest) {
        return at::clamp(x, least, greatest);
    }
};

template <>
struct derivative<xt::detail::conditional_ternary> {
    template <class C, class X, class Y>
    static auto partials(const C& condition, const X&, const Y&) {
        using T = std::common_type_t<detail::value_of<X>, detail::value_of<Y>>;
        return std::make_tuple(detail::zero_derivative(), xt::where(condition(), T(1), T(0)),
                               xt::where(condition(), T(0), T(1)));
    }
    static at::Tensor in_torch(const at::Tensor& condition, const at::Tensor& x, const at::Tensor& y) {
        return at::where(condition, x, y);
    }
};

template <>
struct derivative<xt::math::fma_fun> {
    template <class X, class Y, class Z>
    static auto partials(const X& x, const Y& y, const Z&) {
        return std::make_tuple(y(), x(), detail::unit_derivative());
    }
    static at::Tensor in_torch(const at::Tensor& x, const at::Tensor& y, const at::Tensor& z) {
        return at::add(at::mul(x, y), z);
    }
};

// What is constant between its steps.
XTENSOR_TORCH_DERIVATIVE(xt::math::sign_fun, detail::zero_derivative(), at::sgn(x))
XTENSOR_TORCH_DERIVATIVE(xt::math::floor_fun, detail::zero_derivative(), at::floor(x))
XTENSOR_TORCH_DERIVATIVE(xt::math::ceil_fun, detail::zero_derivative(), at::ceil(x))
XTENSOR_TORCH_DERIVATIVE(xt::math::trunc_fun, detail::zero_derivative(), at::trunc(x))
XTENSOR_TORCH_DERIVATIVE(xt::math::rint_fun, detail::zero_derivative(), at::round(x))
XTENSOR_TORCH_DERIVATIVE(xt::math::nearbyint_fun, detail::zero_derivative(), at::round(x))
XTENSOR_TORCH_DERIVATIVE(xt::math::round_fun, detail::zero_derivative(),
                         at::mul(at::sgn(x), at::floor(at::add(at::abs(x), 0.5))))
XTENSOR_TORCH_DERIVATIVE(xt::math::isnan_fun, detail::zero_derivative(), at::isnan(x))
XTENSOR_TORCH_DERIVATIVE(xt::math::isinf_fun, detail::zero_derivative(), at::isinf(x))
XTENSOR_TORCH_DERIVATIVE(xt::math::isfinite_fun, detail::zero_derivative(), at::isfinite(x))
XTENSOR_TORCH_DERIVATIVE(xt::detail::logical_not, detail::zero_derivative(), at::logical_not(x))
XTENSOR_TORCH_DERIVATIVE_OF_TWO(xt::detail::logical_and, detail::zero_derivative(), detail::zero_derivative(),
                                at::logical_and(x, y))
XTENSOR_TORCH_DERIVATIVE_OF_TWO(xt::detail::logical_or, detail::zero_derivative(), detail::zero_derivative(),
                                at::logical_or(x, y))
XTENSOR_TORCH_DERIVATIVE_OF_TWO(xt::detail::less, detail::zero_derivative(), detail::zero_derivative(), at::lt(x, y))
XTENSOR_TORCH_DERIVATIVE_OF_TWO(xt::detail::less_equal, detail::zero_derivative(), detail::zero_derivative(),
                                at::le(x, y))
XTENSOR_TORCH_DERIVATIVE_OF_TWO(xt::detail::greater, detail::zero_derivative(), detail::zero_derivative(), at::gt(x, y))
XTENSOR_TORCH_DERIVATIVE_OF_TWO(xt::detail::greater_equal, detail::zero_derivative(), detail::zero_derivative(),
                                at::ge(x, y))
XTENSOR_TORCH_DERIVATIVE_OF_TWO(xt::detail::equal_to, detail::zero_derivative(), detail::zero_derivative(),
                                at::eq(x, y))
XTENSOR_TORCH_DERIVATIVE_OF_TWO(xt::detail::not_equal_to, detail::zero_derivative(), detail::zero_derivative(),
                                at::ne(x, y))

#undef XTENSOR_TORCH_DERIVATIVE
#undef XTENSOR_TORCH_DERIVATIVE_OF_TWO

}  // namespace xtt
