// Derived gradients beside those that autograd finds for the same function in LibTorch's own operators.
#pragma once

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
#include <torch/csrc/autograd/autograd.h>

#include <cstdint>
#include <initializer_list>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace testing {

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

inline bool is_close(const at::Tensor& a, const at::Tensor& b, double tolerance) {
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

inline at::Tensor values(std::initializer_list<double> elements) { return at::tensor(elements, at::kDouble); }

#define EXPRESSION(...) [](const auto& x) { return __VA_ARGS__; }
#define EXPRESSION_OF_TWO(...) [](const auto& x, const auto& y) { return __VA_ARGS__; }

}  // namespace testing
