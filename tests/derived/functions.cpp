// Every functor that has a derivative has the gradients that autograd finds, at ties and at zero, too; a functor of the
// user's has those that the user gives.
#include "derived/gradients.hpp"

#include <ATen/ops/reciprocal.h>

#include <cmath>
#include <limits>

using testing::check;
using testing::is_close;
using testing::values;

TEST_CASE("every function of one argument has its derivative") {
    const at::Tensor all = values({-3.2, -1.5, -1, -0.3, 0, 0.4, 1, 1.7, 2.5});
    const at::Tensor positive = values({0.01, 0.3, 1, 1.7, 25});
    const at::Tensor inside = values({-0.9, -0.2, 0.0, 0.5, 0.99});
    const at::Tensor beyond_one = values({1.1, 2, 30});

    check(EXPRESSION(+x), all);
    check(EXPRESSION(-x), all);
    check(EXPRESSION(x * x + 2 * x - 1), all);
    check(EXPRESSION(xt::square(x) - xt::cube(x) + xt::pow<4>(x)), all);
    check(EXPRESSION(xt::pow(x, 3.0) + xt::pow(x, 0.0)), all);
    check(EXPRESSION(xt::pow(2.0, x)), all);
    check(EXPRESSION(xt::exp(x) + xt::exp2(x) + xt::expm1(x)), all);
    check(EXPRESSION(xt::log(x) + xt::log2(x) + xt::log10(x)), positive);
    check(EXPRESSION(xt::log1p(x)), positive);
    check(EXPRESSION(xt::sqrt(x)), positive);
    check(EXPRESSION(xt::cbrt(x)), positive);
    check(EXPRESSION(xt::sin(x) + xt::cos(x)), all);
    check(EXPRESSION(xt::tan(x)), inside);
    check(EXPRESSION(xt::asin(x) + xt::acos(x)), inside);
    check(EXPRESSION(xt::atan(x)), all);
    check(EXPRESSION(xt::sinh(x) + xt::cosh(x) + xt::tanh(x)), all);
    check(EXPRESSION(xt::asinh(x)), all);
    check(EXPRESSION(xt::acosh(x)), beyond_one);
    check(EXPRESSION(xt::atanh(x)), inside);
    check(EXPRESSION(xt::erf(x) + xt::erfc(x)), all);
    check(EXPRESSION(1 / x), positive);
    check(EXPRESSION(x), all);
}

TEST_CASE("choices and steps have the gradients that LibTorch gives them at ties and at zero") {
    const at::Tensor a = values({-2, -1, -0.5, 0, 0.5, 1, 2, 3, std::numeric_limits<double>::infinity()});
    const at::Tensor b = values({-2, 1, -0.5, 0, -0.5, 1, 3, 2, 1});

    check(EXPRESSION(xt::abs(x) + xt::fabs(x)), a);
    check(EXPRESSION(xt::sign(x) * x), a);
    check(EXPRESSION(xt::clip(x, -1.0, 2.0)), a);
    check(EXPRESSION(xt::floor(x) + xt::ceil(x) + xt::trunc(x) + xt::round(x) + xt::rint(x)), a);
    check(EXPRESSION(xt::where(x > 0.0, x * x, -x)), a);
    check(EXPRESSION(xt::where(xt::isnan(x) || !(x < 1.0 && x >= -1.0), x, 2 * x)), a);
    check(EXPRESSION(x * xt::cast<double>(x > 0.0)), a);
    check(EXPRESSION(xt::where(xt::equal(x, 0.0) || xt::not_equal(x, 1.0), x, xt::where(x <= 2.0, x, x))), a);
    check(EXPRESSION_OF_TWO(xt::maximum(x, y) + 3 * xt::minimum(x, y)), a, b);
    check(EXPRESSION_OF_TWO(xt::fmax(x, y) + 3 * xt::fmin(x, y)), a, b);
    check(EXPRESSION_OF_TWO(xt::where(xt::isfinite(x) && !xt::isinf(y), x, y)), a, b);
}

TEST_CASE("functions of several arguments have their derivatives") {
    const at::Tensor a = values({0.5, 1, 2, 3});
    const at::Tensor b = values({-1, 0, 0.5, 2});
    check(EXPRESSION_OF_TWO(x + y - x * y), a, b);
    check(EXPRESSION_OF_TWO(y / x), a, b);
    check(EXPRESSION_OF_TWO(xt::pow(x, y)), a, b);
    check(EXPRESSION_OF_TWO(xt::hypot(x, y)), a, b);
    check(EXPRESSION_OF_TWO(xt::atan2(y, x)), a, b);
    check(EXPRESSION_OF_TWO(xt::fma(x, y, x)), a, b);
    check(EXPRESSION_OF_TWO(xt::fmod(x, y) + 2 * xt::remainder(x, y)), values({5.3, -5.3, 7.9, 0.5}),
          values({2, 2, -2.1, 3}));
    check([](const auto& x, const auto& low, const auto& high) { return xt::clip(x, low, high); }, a, b, b + 1);
    check([](const auto& x, const auto& factor) { return factor * x; }, a, 2.5);
}

TEST_CASE("a norm of zeros has no slope") {
    const at::Tensor zeros = at::zeros({2, 3}, at::kDouble);
    const auto view = xtt::view<const double>(zeros);
    const at::Tensor gradient = at::ones({2}, at::kDouble);
    const auto gradient_view = xtt::view<const double>(gradient);
    const auto norm = EXPRESSION(xt::norm_l2(x, {1}));
    xtt::detail::gradient_pass<double, decltype(norm), std::remove_cvref_t<decltype(gradient_view)>,
                               std::remove_cvref_t<decltype(view)>>
        pass(norm, gradient_view, view);
    CHECK(at::equal(pass.gradient<0>(), zeros));
}

TEST_CASE("gradients come in the element type of the tensors") {
    const at::Tensor a = at::randn({3, 4}, at::kFloat);
    check<float>(EXPRESSION(0.5 * xt::exp(x) - xt::mean(x, {1}, xt::keep_dims)), a);
    const at::Tensor half = at::ones({4}, at::kHalf);
    const auto view = xtt::view<const c10::Half>(half);
    const auto square = EXPRESSION(x * x);
    xtt::detail::gradient_pass<c10::Half, decltype(square), std::remove_cvref_t<decltype(view)>,
                               std::remove_cvref_t<decltype(view)>>
        pass(square, view, view);
    CHECK(at::equal(pass.gradient<0>(), 2 * half));
}

TEST_CASE("a gradient has memory of its own") {
    const at::Tensor a = at::ones({3}, at::kDouble);
    const at::Tensor gradient = at::ones({3}, at::kDouble);
    const auto view = xtt::view<const double>(a);
    const auto gradient_view = xtt::view<const double>(gradient);
    const auto identity = EXPRESSION(x + 1.0);
    xtt::detail::gradient_pass<double, decltype(identity), std::remove_cvref_t<decltype(gradient_view)>,
                               std::remove_cvref_t<decltype(view)>>
        pass(identity, gradient_view, view);
    CHECK(!pass.gradient<0>().is_alias_of(gradient));
}

namespace {

// The reciprocal of one plus the square, for which xtensor has no function.
struct bell {
    template <class T>
    T operator()(const T& x) const {
        return 1 / (1 + x * x);
    }
};

}  // namespace

template <>
struct xtt::derivative<bell> {
    template <class X>
    static auto partials(const X& x) {
        return std::make_tuple(-2 * x() / xt::square(1 + x() * x()));
    }
    static at::Tensor in_torch(const at::Tensor& x) { return at::reciprocal(1 + x * x); }
};

TEST_CASE("a functor of the user's has the derivative that the user gives") {
    check([](const auto& x) { return 2 * xt::xfunction<bell, decltype(x)>(bell(), x); }, values({-1, 0, 0.5}));
}

namespace {

struct unknown_to_torch {
    template <class T>
    T operator()(const T& x) const {
        return x * x;
    }
};

}  // namespace

template <>
struct xtt::derivative<unknown_to_torch> {
    template <class X>
    static auto partials(const X& x) {
        return std::make_tuple(2 * x());
    }
};

TEST_CASE("a functor that LibTorch does not have needs rows") {
    const at::Tensor a = at::randn({3, 4}, at::kDouble);
    const auto view = xtt::view<const double>(a);
    const auto square = [](const auto& x) {
        return xt::xfunction<unknown_to_torch, decltype(x)>(unknown_to_torch(), x);
    };
    const auto rows = [&](const auto& x) { return square(x) - xt::mean(square(x), {1}, xt::keep_dims); };
    const auto none = [&](const auto& x) { return xt::mean(square(x), {0}) - xt::mean(square(x)); };
    const auto value_of = [&](const auto& f) {
        return xtt::detail::value_pass<double, std::remove_cvref_t<decltype(f)>, std::remove_cvref_t<decltype(view)>>(
                   f, view)
            .evaluate();
    };
    CHECK(is_close(value_of(rows), a * a - (a * a).mean(1, true), 1e-12));
    CHECK_THROWS_WITH(value_of(none), Catch::Contains("no function in_torch"));
}
