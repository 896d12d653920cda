// Each functor of an expression has a known derivative. This file writes the gradient of an argument as another
// expression, which is computed in one pass, and repeats the function in LibTorch's own operators.
#pragma once

#include <xtensor-torch/compatibility/error.hpp>
#include <xtensor-torch/copy.hpp>
#include <xtensor-torch/elements/dtype_traits.hpp>
#include <xtensor-torch/operators/derivative_rules.hpp>
#include <xtensor-torch/operators/expression_nodes.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/amin.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/ne.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/sum.h>

#include <cstddef>
#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace xtt::detail {

// ---- derivatives ---------------------------------------------------------------------------------------------------

template <class E>
concept known_derivative = one_of<E, zero_derivative, unit_derivative, minus_unit_derivative>;

template <class T, class D>
auto as_expression(D d) {
    if constexpr (std::is_same_v<D, unit_derivative>) {
        return xt::xscalar<T>(T(1));
    } else if constexpr (std::is_same_v<D, minus_unit_derivative>) {
        return xt::xscalar<T>(T(-1));
    } else {
        return d;
    }
}

template <class A, class B>
auto times(A a, B b) {
    if constexpr (std::is_same_v<A, zero_derivative> || std::is_same_v<B, unit_derivative>) {
        return a;
    } else if constexpr (std::is_same_v<B, zero_derivative> || std::is_same_v<A, unit_derivative>) {
        return b;
    } else if constexpr (std::is_same_v<A, minus_unit_derivative> && std::is_same_v<B, minus_unit_derivative>) {
        return unit_derivative();
    } else if constexpr (std::is_same_v<A, minus_unit_derivative>) {
        return make_function(xt::detail::negate(), std::move(b));
    } else if constexpr (std::is_same_v<B, minus_unit_derivative>) {
        return make_function(xt::detail::negate(), std::move(a));
    } else {
        return make_function(xt::detail::multiplies(), std::move(a), std::move(b));
    }
}

template <class T, class A>
auto sum_of(A a) {
    return a;
}
template <class T, class A, class B, class... Rest>
auto sum_of(A a, B b, Rest... rest) {
    if constexpr (std::is_same_v<A, zero_derivative>) {
        return sum_of<T>(std::move(b), std::move(rest)...);
    } else if constexpr (std::is_same_v<B, zero_derivative>) {
        return sum_of<T>(std::move(a), std::move(rest)...);
    } else {
        return sum_of<T>(
            make_function(xt::detail::plus(), as_expression<T>(std::move(a)), as_expression<T>(std::move(b))),
            std::move(rest)...);
    }
}

template <class F>
concept has_derivative = requires { sizeof(derivative<F>); };

// Conversions have no name of their own that a specialisation could be for.
template <class E>
concept cast_node =
    std::is_same_v<typename function_of<E>::functor, typename xt::detail::cast<typename E::value_type>::functor>;

// Says what a function that is differentiated may return, and whether it returns that.
template <class E>
consteval bool require_differentiable() {
    if constexpr (reducer_node<E>) {
        constexpr bool is_known = kind_of_reducer<E>() != reducer_kind::unknown;
        static_assert(
            is_known,
            "op: xtt::derived differentiates the reducers xt::sum, xt::mean, xt::amax, xt::amin and the norms; "
            "write the expression with these, or pass the gradient as xtt::backward(function)");
        return is_known && require_differentiable<typename reducer_parts<E>::operand>();
    } else if constexpr (function_node<E>) {
        return []<std::size_t... J>(std::index_sequence<J...>) {
            return (require_differentiable<argument_of_node<E, J>>() & ... & true);
        }(argument_indices<E>());
    } else {
        constexpr bool is_known = input_node<E> || constant_node<E>;
        static_assert(
            is_known,
            "op: xtt::derived differentiates functions, reducers and numbers; the expression holds something "
            "else: what was computed before, as by xt::eval or xt::variance, a part of a view, or elements in other "
            "places, as of xt::tril or xt::concatenate. Write it as one expression, or pass the gradient as "
            "xtt::backward(function)");
        return is_known;
    }
}

// The compiler's lines around the sentence name the functor.
template <class Functor>
consteval bool require_derivative() {
    static_assert(has_derivative<Functor>,
                  "op: xtt::derived has no derivative of a functor in the expression, which the compiler names beside "
                  "this line; specialise xtt::derivative for it, or pass the gradient as xtt::backward(function)");
    return has_derivative<Functor>;
}

// The derivative of an expression by one of its inputs, argument or reducer, whose key is `Key`.
template <class T, std::size_t Key, std::size_t First, class E, class Reduced>
auto derivative_by(const E& e, const Reduced& reduced) {
    if constexpr (input_node<E>) {
        return std::conditional_t<input_of<E>::index == Key, unit_derivative, zero_derivative>();
    } else if constexpr (reducer_node<E>) {
        return std::conditional_t<reducer_key(First) == Key, unit_derivative, zero_derivative>();
    } else if constexpr (function_node<E>) {
        return [&]<std::size_t... J>(std::index_sequence<J...>) {
            const auto inner = std::make_tuple(
                derivative_by<T, Key, number_in_argument<First, E, J>>(std::get<J>(e.arguments()), reduced)...);
            if constexpr ((std::is_same_v<std::tuple_element_t<J, std::remove_const_t<decltype(inner)>>,
                                          zero_derivative> &&
                           ...)) {
                return zero_derivative();
            } else if constexpr (cast_node<E>) {
                return std::get<0>(inner);
            } else if constexpr (require_derivative<typename function_of<E>::functor>()) {
                const auto partials = derivative<typename function_of<E>::functor>::partials([&] {
                    return value_expression<T, number_in_argument<First, E, J>>(std::get<J>(e.arguments()), reduced);
                }...);
                return sum_of<T>(times(std::get<J>(partials), std::get<J>(inner))...);
            } else {
                return zero_derivative();
            }
        }(argument_indices<E>());
    } else {
        return zero_derivative();
    }
}

// ---- in LibTorch's operators ---------------------------------------------------------------------------------------

inline at::Tensor in_torch(norm_term term, const at::Tensor& x) {
    // Where a norm is zero its gradient is, too; that of the root above it would be infinite.
    return term == norm_term::one        ? at::ne(x, 0).to(x.scalar_type())
           : term == norm_term::absolute ? at::abs(x)
                                         : at::where(at::ne(x, 0), at::mul(x, x), at::Scalar(0));
}

template <class E>
at::Tensor reduced_in_torch(const E& reducer, const at::Tensor& operand) {
    const std::vector<std::int64_t> axes = axes_of(reducer);
    const bool keeps = reducer.dimension() == reducer.expression().dimension();
    constexpr reducer_kind kind = kind_of_reducer<E>();
    at::Tensor terms = operand;
    if constexpr (kind == reducer_kind::norm) {
        terms = in_torch(term_of(reducer), operand);
    } else if constexpr (kind == reducer_kind::greatest_norm) {
        terms = at::abs(operand);
    }
    if (axes.empty()) {
        return terms;
    }
    if constexpr (kind == reducer_kind::sum || kind == reducer_kind::norm) {
        return at::sum(terms, axes, keeps);
    } else if constexpr (is_least<typename reducer_parts<E>::reduce>) {
        return at::amin(terms, axes, keeps);
    } else {
        return at::amax(terms, axes, keeps);
    }
}

// The function over tensors in place of its arguments, which keep their history.
template <class E>
at::Tensor in_torch(const E& e, c10::ArrayRef<at::Tensor> arguments) {
    if constexpr (input_node<E>) {
        return arguments[input_of<E>::index];
    } else if constexpr (reducer_node<E>) {
        return reduced_in_torch(e, in_torch(e.expression(), arguments));
    } else if constexpr (xt::is_xscalar<E>::value) {
        return at::scalar_tensor(e(), scalar_type_v<std::remove_cvref_t<decltype(e())>>);
    } else if constexpr (constant_node<E>) {
        return copy(e);
    } else {
        return [&]<std::size_t... J>(std::index_sequence<J...>) {
            using functor = typename function_of<E>::functor;
            if constexpr (cast_node<E>) {
                return in_torch(std::get<0>(e.arguments()), arguments).to(scalar_type_v<typename E::value_type>);
            } else if constexpr (requires { derivative<functor>::in_torch(arguments[J]...); }) {
                return derivative<functor>::in_torch(in_torch(std::get<J>(e.arguments()), arguments)...);
            } else {
                throw_error(
                    "derived: the xtt::derivative of a functor in the expression has no function in_torch; second "
                    "derivatives, forward mode and reducers over different axes need one.");
                return at::Tensor();
            }
        }(argument_indices<E>());
    }
}

}  // namespace xtt::detail
