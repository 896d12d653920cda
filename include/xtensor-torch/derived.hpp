// LibTorch differentiates functions that are made of its own operators. A function over xtensor expressions is made of
// functors with known derivatives: this header takes the gradients of an operator from its expression.
//
// This header includes <xtensor-torch/op.hpp>.
#pragma once

#include <xtensor-torch/derivative.hpp>
#include <xtensor-torch/op.hpp>
#include <xtensor-torch/operators/derived_backward.hpp>

namespace xtt {

/// In a registration: the gradients are derived from the function, which returns one expression over its arguments.
///
///     xtt::op<"swish_gate(Tensor x, Tensor g, float beta=1.0) -> Tensor", float, double>(
///         library, swish_gate, xtt::derived);
///
/// The expression consists of the tensors, numbers, xtensor's differentiable functions (arithmetic, powers,
/// exponentials, logarithms, trigonometric and hyperbolic functions, erf, abs, minimum, maximum, clip, where,
/// comparisons), and the reducers xt::sum, xt::mean, xt::amax, xt::amin and norms over any axes. The function takes its
/// tensors as `const auto&`. What has no derivative does not compile; `xtt::derivative` gives a functor of your own
/// one.
///
/// The function and its gradients are computed in the element type of the tensors, and in float for Half and BFloat16.
/// All gradients are computed in one pass, row after row where reducers take away the same axes, and summed over the
/// dimensions that were broadcast. Gradients can be differentiated again, and forward mode works: both go by LibTorch's
/// own operators, and so does an expression whose reducers take away different axes. At ties and at zero the gradients
/// are those of LibTorch's functions.
struct derived_t {};
/// The option to pass: `xtt::op<…>(library, function, xtt::derived)`.
inline constexpr derived_t derived;

namespace detail {

template <class F>
auto derived_function(const F& function, const derived_t&) {
    return derived_forward<F>{function};
}

template <class F>
auto derived_backward(const F& function, const derived_t&) {
    return backward<derived_gradient<F>, repeated_in_torch<F>>(derived_gradient<F>{function},
                                                               repeated_in_torch<F>{function});
}

}  // namespace detail

}  // namespace xtt
