// Gradients that are derived from an expression are those that autograd finds for the same function in LibTorch's own
// operators, for every functor that has a derivative and where it has none.
#include <xtensor-torch/derived.hpp>
#include <xtensor-torch/elements/element_cast.hpp>
#include <xtensor-torch/xtensor-torch.hpp>

#include "support/testing.hpp"

#if XTENSOR_TORCH_XTENSOR_SUBFOLDERS
#include <xtensor/reducers/xnorm.hpp>
#else
#include <xtensor/xnorm.hpp>
#endif

#include <ATen/ops/allclose.h>
#include <ATen/ops/randn_like.h>
#include <ATen/ops/reciprocal.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <limits>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

template <class A>
constexpr bool is_tensor = std::is_same_v<A, at::Tensor>;

template <class T, class A>
auto as_argument(const A& a) {
    if constexpr (is_tensor<A>) {
        return xtt::view<const T>(a);
    } else {
        return a;
    }
}

bool is_close(const at::Tensor& a, const at::Tensor& b, double tolerance) {
    return a.sizes() == b.sizes() && a.scalar_type() == b.scalar_type() &&
           at::allclose(a, b, tolerance, tolerance, /*equal_nan=*/true);
}

// The elements one by one, which is sooner compiled than a loop over all.
template <class T, class E>
at::Tensor elements_of(const E& e) {
    const auto shape = xtt::detail::to_dim_vector(e.shape());
    at::Tensor result = at::empty(shape, xtt::scalar_type_v<T>);
    std::vector<std::size_t> index(shape.size());
    for (std::int64_t i = 0; i < result.numel(); ++i) {
        std::int64_t rest = i;
        for (std::size_t d = shape.size(); d-- > 0; rest /= shape[d]) {
            index[d] = static_cast<std::size_t>(rest % shape[d]);
        }
        result.mutable_data_ptr<T>()[i] = xtt::detail::element_cast<T>(e.element(index.begin(), index.end()));
    }
    return result;
}

// Compares value and gradients of f(arguments...) with those of the same tree in LibTorch's operators.
template <class T = double, class F, class... A>
void check(const F& f, const A&... arguments) {
    const double tolerance = std::is_same_v<T, double> ? 1e-9 : std::is_same_v<T, float> ? 1e-4 : 1e-2;
    const auto views = std::make_tuple(as_argument<T>(arguments)...);
    std::apply(
        [&](const auto&... view) {
            const at::Tensor value = elements_of<T>(f(view...));
            CHECK(is_close(xtt::detail::value_pass<T, F, std::remove_cvref_t<decltype(view)>...>(f, view...).evaluate(),
                           value, tolerance));
            const at::Tensor gradient = at::randn_like(value);
            const auto gradient_view = xtt::view<const T>(gradient);
            xtt::detail::gradient_pass<T, F, std::remove_cvref_t<decltype(gradient_view)>,
                                       std::remove_cvref_t<decltype(view)>...>
            pass(f, gradient_view, view...);

            std::vector<at::Tensor> inputs, followed;
            const auto follow = [&](const auto& argument) {
                inputs.emplace_back();
                if constexpr (is_tensor<std::remove_cvref_t<decltype(argument)>>) {
                    inputs.back() = argument.detach().clone().requires_grad_();
                    followed.push_back(inputs.back());
                }
            };
            (follow(arguments), ...);
            const xtt::detail::expression_tree<F, std::remove_cvref_t<decltype(view)>...> tree(f, view...);
            const at::Tensor in_torch = xtt::detail::in_torch(tree.root(), inputs).to(value.scalar_type());
            CHECK(is_close(value, in_torch.detach(), tolerance));

            std::vector<at::Tensor> expected = followed;
            if (in_torch.requires_grad()) {
                expected = torch::autograd::grad({in_torch}, followed, {gradient}, /*retain_graph=*/true,
                                                 /*create_graph=*/false, /*allow_unused=*/true);
            } else {
                expected.assign(followed.size(), at::Tensor());
            }
            std::size_t number = 0;
            [&]<std::size_t... I>(std::index_sequence<I...>) {
                const auto compare = [&]<std::size_t J>(std::integral_constant<std::size_t, J>) {
                    if constexpr (is_tensor<std::tuple_element_t<J, std::tuple<A...>>>) {
                        const at::Tensor& reference = expected[number];
                        const at::Tensor zeros = at::zeros_like(followed[number].detach());
                        ++number;
                        CHECK(
                            is_close(pass.template gradient<J>(), reference.defined() ? reference : zeros, tolerance));
                    }
                };
                (compare(std::integral_constant<std::size_t, I>()), ...);
            }(std::index_sequence_for<A...>());
        },
        views);
}

at::Tensor values(std::initializer_list<double> elements) { return at::tensor(elements, at::kDouble); }

#define EXPRESSION(...) [](const auto& x) { return __VA_ARGS__; }
#define EXPRESSION_OF_TWO(...) [](const auto& x, const auto& y) { return __VA_ARGS__; }

}  // namespace

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

TEST_CASE("gradients are summed over what was broadcast") {
    const at::Tensor matrix = at::randn({3, 4}, at::kDouble);
    const at::Tensor row = at::randn({4}, at::kDouble);
    const at::Tensor column = at::randn({3, 1}, at::kDouble);
    const at::Tensor scalar = at::randn({}, at::kDouble);
    const auto f = EXPRESSION_OF_TWO(xt::tanh(x * y) + x / (2 + xt::square(y)));
    check(f, matrix, row);
    check(f, matrix, column);
    check(f, row, column);
    check(f, scalar, matrix);
    check(f, matrix.t(), at::randn({4, 3}, at::kDouble));
    check(f, at::randn({0, 4}, at::kDouble), row);
    check(f, at::randn({1, 4}, at::kDouble).expand({3, 4}), matrix);
}

TEST_CASE("reducers have their gradients, nested and broadcast") {
    const at::Tensor a = at::randn({3, 4, 5}, at::kDouble);
    const at::Tensor ties = at::tensor({1.0, 3.0, 3.0, -1.0, -1.0, 0.0, 2.0, 2.0, 2.0}, at::kDouble).reshape({3, 3});
    check(EXPRESSION(xt::sum(x, {1})), a);
    check(EXPRESSION(xt::sum(x)), a);
    check(EXPRESSION(xt::sum(xt::square(x), {0, 2}, xt::keep_dims) * x), a);
    check(EXPRESSION(xt::mean(x, {2})), a);
    check(EXPRESSION(xt::mean(xt::exp(x))), a);
    check(EXPRESSION(xt::amax(x, {1}) - xt::amin(x, {1})), ties);
    check(EXPRESSION(xt::amax(x) + xt::amin(2 * x)), ties);
    check(EXPRESSION(xt::norm_l2(x, {1})), a);
    check(EXPRESSION(xt::norm_l1(x, {0}) + xt::norm_linf(x, {0})), ties);
    check(EXPRESSION(xt::norm_sq(x, {2})), a);
    check(EXPRESSION(x - xt::mean(x, {1}, xt::keep_dims)), ties);
    check(EXPRESSION((x - xt::mean(x, {1}, xt::keep_dims)) /
                     xt::sqrt(xt::mean(xt::square(x - xt::mean(x, {1}, xt::keep_dims)), {1}, xt::keep_dims) + 1e-5)),
          ties);
    check(EXPRESSION(xt::exp(x - xt::amax(x, {1}, xt::keep_dims)) /
                     xt::sum(xt::exp(x - xt::amax(x, {1}, xt::keep_dims)), {1}, xt::keep_dims)),
          ties);
    check(EXPRESSION_OF_TWO(xt::sum(x * y, {1})), ties, values({1, 2, 3}));
    check(EXPRESSION(xt::sum(x * xt::arange<double>(3), {0})), ties);
}

TEST_CASE("rows may be long, short, strided and many") {
    const auto normalized = [](const auto& x, const auto& weight) {
        return (x - xt::mean(x, {1}, xt::keep_dims)) * weight / xt::sum(xt::exp(weight - x), {1}, xt::keep_dims);
    };
    // Longer than a block; of a few elements; with steps along the row, and along the columns.
    check(normalized, at::randn({3, 2500}, at::kDouble), at::randn({2500}, at::kDouble));
    check(normalized, at::randn({70, 2}, at::kDouble), at::randn({2}, at::kDouble));
    check(normalized, at::randn({4, 60}, at::kDouble).slice(1, 1, 60, 3), at::randn({20, 1}, at::kDouble).t());
    check(normalized, at::randn({5, 4}, at::kDouble).t(), at::randn({}, at::kDouble));
    check(normalized, at::randn({4, 1}, at::kDouble).expand({4, 3}), at::randn({4, 3}, at::kDouble));
    check<float>(normalized, at::randn({40, 2000}, at::kFloat), at::randn({40, 1}, at::kFloat));
    check<c10::Half>([](const auto& x) { return x / xt::sum(xt::abs(x), {1}, xt::keep_dims); },
                     at::randn({3, 5}, at::kHalf));

    const auto product = EXPRESSION_OF_TWO(x * xt::exp(0.1 * y));
    check(product, at::randn({3, 2100}, at::kDouble), at::randn({3, 1}, at::kDouble));
    check(product, at::randn({300, 1, 3}, at::kDouble), at::randn({4, 1}, at::kDouble));
    check(product, at::randn({2, 3, 4}, at::kDouble), at::randn({1, 3, 1}, at::kDouble));
    check(product, at::randn({70000}, at::kDouble), at::randn({}, at::kDouble));
}

TEST_CASE("reducers over several dimensions, and over different ones, have their gradients") {
    const at::Tensor a = at::randn({3, 4, 5}, at::kDouble);
    const at::Tensor b = at::randn({5}, at::kDouble);
    check(EXPRESSION(x - xt::mean(x, {0}, xt::keep_dims)), a);
    check(EXPRESSION(x - xt::mean(x, {0})), a);
    check(EXPRESSION(x / xt::sum(xt::square(x), {0, 2}, xt::keep_dims)), a);
    check(EXPRESSION(xt::exp(x - xt::amax(x))), a);
    check(EXPRESSION_OF_TWO(xt::log(xt::sum(xt::exp(x * y), {2}))), a, b);
    check(EXPRESSION_OF_TWO(xt::sum(x * y, {2}) + 2 * xt::amax(x, {2})), a, b);
    // These have no rows: reducers over other axes, of an operand that is broadcast, and beside an argument.
    check(EXPRESSION(xt::mean(x, {0}, xt::keep_dims) * xt::mean(x, {1}, xt::keep_dims)), a);
    check(EXPRESSION(xt::sum(xt::sum(x, {1}), {0})), a);
    check(EXPRESSION_OF_TWO(x * xt::sum(y, {0}) + xt::sum(x, {2}, xt::keep_dims)), a, at::randn({4, 1}, at::kDouble));
    check(EXPRESSION_OF_TWO(xt::sum(x, {0}) * y), at::randn({3, 5}, at::kDouble), b);
    check(EXPRESSION(xt::norm_l2(x, {0}, xt::keep_dims) * xt::norm_l2(x, {1}, xt::keep_dims)),
          at::randn({3, 2}, at::kDouble) + 3);
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

// One of the expressions that numbers can choose; each seed gives another.
template <unsigned Seed, unsigned Depth, class X, class Y>
auto random_expression(const X& x, const Y& y) {
    constexpr unsigned hash = (Seed * 2654435761u) ^ (Seed >> 3);
    constexpr unsigned choice = (hash >> 16) % 14;
    if constexpr (Depth == 0) {
        if constexpr (choice % 2 == 0) {
            return x + 0;
        } else {
            return y + 0;
        }
    } else {
        auto a = random_expression<hash % 65521 + 1, Depth - 1>(x, y);
        [[maybe_unused]] auto b = random_expression<hash % 65519 + 2, Depth - 1>(x, y);
        if constexpr (choice == 0) {
            return std::move(a) + std::move(b);
        } else if constexpr (choice == 1) {
            return std::move(a) - 0.5 * std::move(b);
        } else if constexpr (choice == 2) {
            return std::move(a) * std::move(b);
        } else if constexpr (choice == 3) {
            return std::move(a) / (2.0 + xt::abs(std::move(b)));
        } else if constexpr (choice == 4) {
            return xt::maximum(std::move(a), std::move(b));
        } else if constexpr (choice == 5) {
            return xt::hypot(std::move(a), 1.0 + xt::exp(-std::move(b)));
        } else if constexpr (choice == 6) {
            return xt::where(x < y, std::move(a), xt::sin(std::move(b)));
        } else if constexpr (choice == 7) {
            return xt::tanh(std::move(a));
        } else if constexpr (choice == 8) {
            return xt::log1p(xt::abs(std::move(a)));
        } else if constexpr (choice == 9) {
            return xt::exp(xt::clip(std::move(a), -1.0, 1.0));
        } else if constexpr (choice == 10) {
            return xt::sum(std::move(a), {1}, xt::keep_dims) * std::move(b);
        } else if constexpr (choice == 11) {
            return std::move(a) - xt::mean(std::move(b), {1}, xt::keep_dims);
        } else if constexpr (choice == 12) {
            return std::move(a) - xt::amax(std::move(b), {1}, xt::keep_dims);
        } else {
            return std::move(a) / (1.0 + xt::norm_l2(std::move(b), {1}, xt::keep_dims));
        }
    }
}

template <unsigned Seed>
void check_random() {
    INFO("seed " << Seed);
    check([](const auto& x, const auto& y) { return random_expression<Seed, 3>(x, y); }, at::randn({3, 4}, at::kDouble),
          at::randn({3, 4}, at::kDouble));
}

}  // namespace

TEST_CASE("random compositions have their gradients") {
    [&]<unsigned... Seed>(std::integer_sequence<unsigned, Seed...>) {
        (check_random<7 * Seed + 1>(), ...);
    }(std::make_integer_sequence<unsigned, 12>());
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
