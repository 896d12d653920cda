// The gradients of one call of a function whose expression is differentiated. Nothing is computed before a gradient is
// asked for; what several gradients share, the values of reducers and the gradients by them, is computed once.
#pragma once

#include <xtensor-torch/concepts.hpp>
#include <xtensor-torch/operators/derivative.hpp>
#include <xtensor-torch/operators/scalar_form.hpp>

#include <ATen/ExpandUtils.h>
#include <ATen/ops/add.h>
#include <ATen/ops/div.h>
#include <ATen/ops/sum.h>

#include <array>
#include <concepts>
#include <cstddef>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace xtt::detail {

// A tensor among a function's arguments becomes input number Index of the tree; a value stays what it is.
template <std::size_t Index, class A>
decltype(auto) as_input(const A& argument) {
    if constexpr (is_tensor_view<A>::value) {
        return make_input<Index>(argument);
    } else {
        return (argument);
    }
}

template <class Indices, class... A>
struct inputs_for;
template <std::size_t... I, class... A>
struct inputs_for<std::index_sequence<I...>, A...> {
    using type = std::tuple<decltype(as_input<I>(std::declval<const A&>()))...>;

    static type make(const A&... arguments) { return type(as_input<I>(arguments)...); }
};

template <class F, class... Input>
auto call_with(const F& function, const std::tuple<Input...>& inputs) {
    static_assert(
        std::invocable<const F&, const std::remove_reference_t<Input>&...>,
        "op: xtt::derived calls the function with expressions in place of views; take tensors as const auto&");
    return std::apply(function, inputs);
}

// A function's expression over its arguments, with all that the expression refers to.
template <class F, class... A>
class expression_tree {
    using inputs = inputs_for<std::index_sequence_for<A...>, A...>;

public:
    using type = decltype(call_with(std::declval<const F&>(), std::declval<const typename inputs::type&>()));

    expression_tree(const F& function, const A&... arguments)
        : m_arguments(arguments...), m_inputs(inputs::make(arguments...)), m_root(call_with(function, m_inputs)) {
        require_differentiable<type>();
    }
    expression_tree(const expression_tree&) = delete;
    expression_tree& operator=(const expression_tree&) = delete;

    const type& root() const { return m_root; }

    template <std::size_t Index>
    const auto& argument() const {
        return std::get<Index>(m_arguments);
    }

private:
    std::tuple<const A&...> m_arguments;
    typename inputs::type m_inputs;
    type m_root;
};

/// The values of an expression, in the element type T of its tensors, or in float for short ones. Its reducers are
/// computed once, by LibTorch, and what lies between them in one pass.
template <class T, class F, class... A>
class value_pass {
public:
    using element = T;
    using root = typename expression_tree<F, A...>::type;

    explicit value_pass(const F& function, const A&... arguments) : m_tree(function, arguments...) {}

    const root& expression() const { return m_tree.root(); }

    at::Tensor evaluate() {
        reduce<0>(m_tree.root());
        const at::Tensor result = evaluated(values<0>(m_tree.root()), to_dim_vector(m_tree.root().shape()));
        return input_node<root> ? result.to(scalar_type_v<T>, false, /*copy=*/true)
                                : result.to(scalar_type_v<T>).contiguous();
    }

protected:
    using value = gradient_value<T>;
    using held = tensor_view<const value>;

    // What is known of a reducer: its value, as in the expression and with the reduced axes kept, and the gradient by
    // it.
    struct reducer_state {
        std::optional<held> reduced;
        std::optional<held> kept;
        std::optional<held> gradient;
    };

    static constexpr auto make_held(const at::Tensor& tensor) { return view<const value>(tensor); }

    // An expression's elements in a tensor, broadcast to the shape: in that of an input, or in a new one.
    template <class E>
    static at::Tensor evaluated(const E& e, at::IntArrayRef shape) {
        if constexpr (input_node<E>) {
            const at::Tensor& elements = std::get<0>(e.arguments()).tensor();
            return elements.to(scalar_type_v<value>).expand(shape);
        } else {
            at::Tensor result(at::detail::empty_cpu(shape, scalar_type_v<value>));
            auto elements = view<value>(result);
            elements = in_scalar_form(e);
            return result;
        }
    }

    auto reduced() const {
        return [this](auto number) { return make_input<reducer_key(number)>(*m_reducers[number].reduced); };
    }

    template <std::size_t First, class E>
    auto values(const E& e) const {
        return value_expression<value, First>(e, reduced());
    }

    template <class Reducer>
    static c10::DimVector kept_shape(const Reducer& reducer) {
        c10::DimVector shape = to_dim_vector(reducer.expression().shape());
        for (const std::int64_t axis : axes_of(reducer)) {
            shape[static_cast<std::size_t>(axis)] = 1;
        }
        return shape;
    }

    // The values of all reducers, the innermost first.
    template <std::size_t First, class E>
    void reduce(const E& e) {
        for_each_reducer<First>(e, [this](auto number, const auto& reducer) {
            reduce<number + 1>(reducer.expression());
            const at::Tensor operand =
                evaluated(values<number + 1>(reducer.expression()), to_dim_vector(reducer.expression().shape()));
            const at::Tensor reduced = reduced_in_torch(reducer, operand).contiguous();
            m_reducers[number].reduced.emplace(make_held(reduced));
            m_reducers[number].kept.emplace(make_held(reduced.view(kept_shape(reducer))));
        });
    }

    expression_tree<F, A...> m_tree;
    std::array<reducer_state, reducers_in<root>::value> m_reducers;
};

/// The gradients of that expression. `Gradient` is the view of the result's gradient.
template <class T, class F, class Gradient, class... A>
class gradient_pass : value_pass<T, F, A...> {
    using base = value_pass<T, F, A...>;
    using base::evaluated, base::kept_shape, base::m_reducers, base::m_tree, base::make_held, base::reduced;
    using typename base::value;

public:
    using element = T;

    gradient_pass(const F& function, const Gradient& gradient, const A&... arguments)
        : base(function, arguments...), m_gradient(gradient) {}

    template <std::size_t Index>
    const at::Tensor& argument() const {
        return m_tree.template argument<Index>().tensor();
    }

    // The gradient of argument number Index, in its shape.
    template <std::size_t Index>
    at::Tensor gradient() {
        if (!m_is_prepared) {
            this->template reduce<0>(m_tree.root());
            differentiate_reducers<0>(m_tree.root(), make_input<gradient_key>(m_gradient));
            m_is_prepared = true;
        }
        const at::IntArrayRef shape = argument<Index>().sizes();
        at::Tensor result;
        add_gradient<Index, 0>(result, shape, m_tree.root(), make_input<gradient_key>(m_gradient));
        if (!result.defined()) {
            result = at::Tensor(at::detail::empty_cpu(shape, scalar_type_v<value>)).zero_();
        }
        // An operator returns memory of its own, in the order that it announced.
        result = result.to(scalar_type_v<T>).contiguous();
        return result.is_alias_of(m_gradient.tensor()) ? result.clone() : result;
    }

private:
    // The gradients by all reducers, the outermost first. `seed` is the gradient by the expression.
    template <std::size_t First, class E, class Seed>
    void differentiate_reducers(const E& e, const Seed& seed) {
        for_each_reducer<First>(e, [&](auto number, const auto& reducer) {
            using operand = typename reducer_parts<std::remove_cvref_t<decltype(reducer)>>::operand;
            const auto partial = derivative_by<value, reducer_key(number), First>(e, reduced());
            at::Tensor gradient =
                at::sum_to(evaluated(times(seed, partial), to_dim_vector(e.shape())), to_dim_vector(reducer.shape()));
            gradient = gradient.reshape(kept_shape(reducer));
            divide_among_ties<number>(reducer, gradient);
            m_reducers[number].gradient.emplace(make_held(gradient));
            if constexpr (reducers_in<operand>::value > 0) {
                differentiate_reducers<number + 1>(reducer.expression(), seed_below<number>(reducer));
            }
        });
    }

    // The gradient by a maximum or a minimum is shared by all elements that are equal to it.
    template <std::size_t Number, class Reducer>
    void divide_among_ties(const Reducer& reducer, at::Tensor& gradient) {
        constexpr reducer_kind kind = kind_of_reducer<Reducer>();
        if constexpr (kind == reducer_kind::extremum || kind == reducer_kind::greatest_norm) {
            const std::vector<std::int64_t> axes = axes_of(reducer);
            if (!axes.empty()) {
                gradient = at::div(gradient, at::sum(evaluated(xt::abs(is_extreme<Number>(reducer)),
                                                               to_dim_vector(reducer.expression().shape())),
                                                     axes, /*keepdim=*/true));
            }
        }
    }

    template <std::size_t Number, class Reducer>
    auto is_extreme(const Reducer& reducer) const {
        const auto elements = [&] { return this->template values<Number + 1>(reducer.expression()); };
        const auto kept = [&] { return make_input<kept_key(Number)>(*m_reducers[Number].kept); };
        if constexpr (kind_of_reducer<Reducer>() == reducer_kind::greatest_norm) {
            return xt::where(xt::equal(xt::abs(elements()), kept()), xt::sign(elements()), value(0));
        } else {
            return xt::where(xt::equal(elements(), kept()), value(1), value(0));
        }
    }

    // The gradient by the operand of a reducer, from the gradient by the reducer.
    template <std::size_t Number, class Reducer>
    auto seed_below(const Reducer& reducer) const {
        constexpr reducer_kind kind = kind_of_reducer<Reducer>();
        auto gradient = make_input<gradient_key_of(Number)>(*m_reducers[Number].gradient);
        const auto elements = [&] { return this->template values<Number + 1>(reducer.expression()); };
        if constexpr (kind == reducer_kind::sum) {
            return gradient;
        } else if constexpr (kind == reducer_kind::norm) {
            // Where a norm is zero its gradient is, too; the root above it would make it infinite.
            const norm_term term = term_of(reducer);
            return times(xt::where(xt::equal(elements(), value(0)), value(0), std::move(gradient)),
                         value(term == norm_term::square ? 2 : 0) * elements() +
                             value(term == norm_term::absolute ? 1 : 0) * xt::sign(elements()));
        } else {
            return times(gradient, is_extreme<Number>(reducer));
        }
    }

    // Adds what reaches argument number Index through an expression and all below it.
    template <std::size_t Index, std::size_t First, class E, class Seed>
    void add_gradient(at::Tensor& result, at::IntArrayRef shape, const E& e, const Seed& seed) {
        const auto partial = derivative_by<value, Index, First>(e, reduced());
        if constexpr (!std::is_same_v<std::remove_cvref_t<decltype(partial)>, zero_derivative>) {
            const at::Tensor part = at::sum_to(evaluated(times(seed, partial), to_dim_vector(e.shape())), shape);
            result = result.defined() ? at::add(result, part) : part;
        }
        for_each_reducer<First>(e, [&](auto number, const auto& reducer) {
            add_gradient<Index, number + 1>(result, shape, reducer.expression(), seed_below<number>(reducer));
        });
    }

    const Gradient& m_gradient;
    bool m_is_prepared = false;
};

}  // namespace xtt::detail
