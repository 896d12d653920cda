// xtensor writes an expression as a tree of functors, and knows of none how it changes with its arguments. What
// <xtensor-torch/derived.hpp> differentiates by is declared here, for functors of xtensor and of your own.
#pragma once

namespace xtt {

/// The derivative of a functor of xtensor's expressions, for operators whose gradients are derived. Specialise it for a
/// functor of your own:
///
///     template <>
///     struct xtt::derivative<my_softplus> {
///         template <class X>
///         static auto partials(const X& x) {
///             return std::tuple(1 / (1 + xt::exp(-x())));
///         }
///         static at::Tensor in_torch(const at::Tensor& x) { return at::softplus(x); }
///     };
///
/// `partials` gets the arguments, each of them a function that returns an expression, and returns a tuple with one
/// expression for each: the derivative by that argument. `in_torch` is the functor itself in LibTorch's operators; it
/// is asked where a gradient is differentiated again, in forward mode, and in an expression whose reducers take away
/// different axes. A functor without it has none of these.
template <class F>
struct derivative;

}  // namespace xtt
